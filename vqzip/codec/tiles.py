"""The grid of stream tiles: a picture cut into squares, with or without surrounding pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vqzip.errors import PictureError

STREAM_TILE_LOG2 = 10
"""The encoder uses stream tiles of 1024 x 1024 pixels: 16 context tiles."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: `height` x `width` of them, from row `top` and column `left` on."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column to the right."""
        return self.left + self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle in an array `(H, W, ...)`."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: Box) -> Box:
        """Return the same rectangle in coordinates relative to `outer`."""
        return Box(self.top - outer.top, self.left - outer.left, self.height, self.width)

    def reduced(self, reduction: int) -> Box:
        """Return the rectangle in a picture at 1/`reduction` of the size, its far edges rounded up."""
        top, left = self.top // reduction, self.left // reduction
        bottom, right = -(-self.bottom // reduction), -(-self.right // reduction)
        return Box(top, left, bottom - top, right - left)

    def overlap(self, other: Box) -> Box | None:
        """Return the intersection of both rectangles, or None if it is empty."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        height = min(self.bottom, other.bottom) - top
        width = min(self.right, other.right) - left
        return Box(top, left, height, width) if height > 0 and width > 0 else None


@dataclass(frozen=True)
class Tile(Box):
    """One square of the grid, smaller at the right and lower edges; `index` is in raster order."""

    index: int


@dataclass(frozen=True)
class HaloCrop:
    """A tile with surrounding pixels.

    Args:
        crop: the rectangle to cut out of the picture.
        inner: place of the tile in the crop.

    A function of a picture whose result at a pixel depends on at most `halo` pixels around gives,
    for the crop and cut to `inner`, what it gives for the whole picture and cut to the tile.
    """

    crop: Box
    inner: Box


@dataclass(frozen=True)
class TileGrid:
    """A picture of `width` x `height` cut into squares of side `tile`.

    Raises:
        PictureError: one of them is not positive.
    """

    width: int
    height: int
    tile: int

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.tile) < 1:
            raise PictureError(
                f"a grid needs a positive size and tile, got {self.width} x {self.height} and "
                f"{self.tile}."
            )

    @property
    def across(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.tile)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile)

    @property
    def picture(self) -> Box:
        """The whole picture."""
        return Box(0, 0, self.height, self.width)

    def __len__(self) -> int:
        return self.across * self.down

    def __iter__(self) -> Iterator[Tile]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Tile:
        """Return a tile by its number in raster order."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        row, column = divmod(index, self.across)
        top, left = row * self.tile, column * self.tile
        height = min(self.tile, self.height - top)
        width = min(self.tile, self.width - left)
        return Tile(top=top, left=left, height=height, width=width, index=index)

    def overlapping(self, region: Box) -> tuple[Tile, ...]:
        """Return the tiles that hold a part of `region`, in raster order.

        Raises:
            PictureError: the region is empty or not wholly inside the picture.
        """
        inside = min(region.top, region.left) >= 0 and min(region.height, region.width) >= 1
        if not inside or region.bottom > self.height or region.right > self.width:
            raise PictureError(
                f"the region of {region.width} x {region.height} pixels at column {region.left}, "
                f"row {region.top} must lie inside the picture of {self.width} x {self.height}."
            )
        rows = range(region.top // self.tile, -(-region.bottom // self.tile))
        columns = range(region.left // self.tile, -(-region.right // self.tile))
        return tuple(self[row * self.across + column] for row in rows for column in columns)

    def with_halo(self, box: Box, *, halo: int, align: int) -> HaloCrop:
        """Return `box` with `halo` pixels around it, cut at the edges of the picture.

        Args:
            box: a tile, or any rectangle inside the picture.
            halo: number of surrounding pixels that a result depends on.
            align: the crop's edges are moved outwards to multiples of this (or to the picture's
                edge), so that a transform with strides sees the same phase as on the whole picture.
        """
        top = max(0, box.top - halo) // align * align
        left = max(0, box.left - halo) // align * align
        bottom = min(self.height, -(-(box.bottom + halo) // align) * align)
        right = min(self.width, -(-(box.right + halo) // align) * align)
        crop = Box(top, left, bottom - top, right - left)
        return HaloCrop(crop, box.within(crop))


def stream_tiles(width: int, height: int) -> TileGrid:
    """Return the stream tiles that a picture is encoded in."""
    return TileGrid(width, height, 1 << STREAM_TILE_LOG2)
