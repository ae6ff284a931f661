"""How large a picture may be unless more is asked for."""

MAX_PIXELS = 500_000_000
"""Width times height above which pictures and .vqz files are refused: they may be bombs."""
