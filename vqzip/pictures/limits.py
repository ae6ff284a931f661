"""Default limits for the size of pictures."""

MAX_PIXELS = 500_000_000
"""Default of `max_pixels`: larger pictures and .vqz files are refused, because they may be bombs."""

own_process = False
"""Whether the process is vqzip's own: the command line says so, and then Pillow's limit on pixels,
which all of a process shares, follows `max_pixels`. A library leaves it alone."""

MAX_ITEM_BYTES = 1 << 24
"""Largest ICC, EXIF or XMP that a .vqz file holds, 16 MiB each (docs/format.md)."""
