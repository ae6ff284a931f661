"""How large a picture may be unless more is asked for."""

MAX_PIXELS = 500_000_000
"""Width times height above which pictures and .vqz files are refused: they may be bombs."""

own_process = False
"""Whether the process is vqzip's own: the command line says so, and then Pillow's limit on pixels,
which all of a process shares, follows `max_pixels`. A library leaves it alone."""

MAX_ITEM_BYTES = 1 << 24
"""Largest ICC, EXIF or XMP that a .vqz file holds, 16 MiB each (docs/format.md)."""
