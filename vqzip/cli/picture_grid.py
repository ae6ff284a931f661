"""Pictures of one size in a grid, written as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.cli.console import STREAM, print_note, write_stdout

if TYPE_CHECKING:
    from vqzip.pictures.picture import Picture

GAP = 2
"""Pixels between the pictures of a grid."""


def write_grid(
    pictures: Sequence[Picture], output: Path, note: str, *, force: bool, columns: int | None = None
) -> None:
    """Write pictures of one size as a grid.

    Args:
        pictures: in rows.
        output: picture file; `-` for a PNG on stdout.
        note: for the user, after the name of the file.
        force: overwrite an existing file.
        columns: pictures in a row; None for a nearly square grid.
    """
    from vqzip.pictures.write import format_of, picture_to_bytes, write_atomically

    image_format = "PNG" if output == STREAM else format_of(output)
    written = picture_to_bytes(grid_of(pictures, columns), image_format)
    if output == STREAM:
        write_stdout(written)
        return
    write_atomically(output, written, force=force)
    print_note(f"{output}: {note}")


def grid_of(pictures: Sequence[Picture], columns: int | None = None) -> Picture:
    """Return pictures of one size in a grid with white lines between them."""
    import numpy as np

    from vqzip.pictures.picture import Picture

    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height, width = pictures[0].height + GAP, pictures[0].width + GAP
    canvas = np.full((rows * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * height, number % columns * width
        pixels = picture.pixels if picture.pixels.ndim == 3 else picture.pixels[:, :, None]
        canvas[top : top + picture.height, left : left + picture.width] = pixels
    return Picture(canvas)
