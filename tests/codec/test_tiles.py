"""The grid: tiles cover, halos suffice, regions find their tiles."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.codec.tiles import Box, TileGrid
from vqzip.errors import PictureError

Samples = npt.NDArray[np.int64]

sizes = st.integers(1, 70)


@given(sizes, sizes, st.integers(1, 40))
def test_cutting_and_putting_together_gives_the_picture(width: int, height: int, tile: int) -> None:
    picture = np.random.default_rng(width * height).integers(0, 256, (height, width, 3))
    together = np.full_like(picture, -1)
    times = np.zeros((height, width), int)
    grid = TileGrid(width, height, tile)
    for number, part in enumerate(grid):
        assert part.index == number
        assert grid[number] == part
        together[part.slices] = picture[part.slices]
        times[part.slices] += 1
    assert len(grid) == grid.across * grid.down
    assert (times == 1).all()
    assert np.array_equal(together, picture)


@given(
    width=sizes,
    height=sizes,
    tile=st.sampled_from([8, 16, 32]),
    halo=st.integers(0, 9),
    align=st.sampled_from([1, 2, 8]),
)
def test_a_function_of_haloed_crops_gives_the_function_of_the_picture(
    width: int, height: int, tile: int, halo: int, align: int
) -> None:
    picture = np.random.default_rng(width * height).integers(0, 256, (height, width))

    def blur(samples: Samples) -> Samples:
        """Sum over `halo` pixels to all sides, zeros outside: it sees exactly that far."""
        padded = np.pad(samples, halo)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * halo + 1,) * 2)
        return np.asarray(windows.sum(axis=(2, 3)))

    whole = blur(picture)
    grid = TileGrid(width, height, tile)
    for part in grid:
        cut = grid.with_halo(part, halo=halo, align=align)
        assert cut.crop.top % align == cut.crop.left % align == 0
        assert cut.crop.bottom % align == 0 or cut.crop.bottom == height
        assert cut.crop.right % align == 0 or cut.crop.right == width
        result = blur(picture[cut.crop.slices])[cut.inner.slices]
        assert np.array_equal(result, whole[part.slices])


@given(st.data(), sizes, sizes, st.integers(1, 40))
def test_regions_find_the_tiles_that_they_touch(
    data: st.DataObject, width: int, height: int, tile: int
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    region = Box(
        top,
        left,
        data.draw(st.integers(1, height - top)),
        data.draw(st.integers(1, width - left)),
    )
    grid = TileGrid(width, height, tile)
    parts = [(tile, tile.overlap(region)) for tile in grid]
    touched = [(tile, part) for tile, part in parts if part is not None]
    assert grid.overlapping(region) == tuple(tile for tile, _ in touched)
    assert sum(part.height * part.width for _, part in touched) == region.height * region.width


@pytest.mark.parametrize(
    "region", [Box(0, 0, 0, 5), Box(-1, 0, 5, 5), Box(0, 0, 11, 5), Box(0, 16, 5, 5)]
)
def test_regions_must_be_inside(region: Box) -> None:
    with pytest.raises(PictureError, match="must lie inside the picture of 20 x 10"):
        TileGrid(20, 10, 8).overlapping(region)


def test_a_tile_is_a_region() -> None:
    grid = TileGrid(20, 10, 8)
    assert grid.overlapping(grid[4]) == (grid[4],)
    with pytest.raises(IndexError):
        grid[6]
    with pytest.raises(PictureError, match="positive"):
        TileGrid(0, 10, 8)
