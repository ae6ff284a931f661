"""Training pictures: found, read, skipped, cut; each batch a function of seed, stream and step."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.tiny_recipes import made_pixels, write_pictures
from vqzip.errors import TrainingError
from vqzip.training.data import crops as crops_module
from vqzip.training.data.crops import CropSource, Window
from vqzip.training.data.jitter import jitter
from vqzip.training.data.pictures import find_pictures, open_pictures
from vqzip.training.recipe.config import DataConfig


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures")


def test_pictures_are_found_in_all_folders(pictures: Path) -> None:
    (pictures / "notes.txt").write_text("no picture")
    (pictures / "p2.png").rename(pictures / "p2.PNG")
    names = [path.relative_to(pictures).as_posix() for path in find_pictures(pictures)]
    assert names == ["deeper/p1.png", "p0.png", "p2.PNG", "p3.png"]
    assert find_pictures(pictures / "p0.png") == [pictures / "p0.png"]


def test_the_run_folder_is_no_source(pictures: Path) -> None:
    assert len(find_pictures(pictures, but_not=pictures / "deeper")) == 3
    with pytest.raises(TrainingError, match="no pictures"):
        find_pictures(pictures / "deeper", but_not=pictures)


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no pictures were found"):
        find_pictures(tmp_path)
    with pytest.raises(TrainingError, match="there is no folder"):
        find_pictures(tmp_path / "nowhere")


def test_a_batch_depends_on_seed_stream_and_step_alone(pictures: Path) -> None:
    paths = open_pictures(pictures)
    config = DataConfig(gray_share=0.5)
    first, second = CropSource(paths, config, 3), CropSource(paths, config, 3)
    for step in range(3):
        second.batch(2, step, 4, Window(32, 1))
    a, b = (source.batch(1, 5, 4, Window(32, 1)) for source in (first, second))
    assert torch.equal(a.pixels, b.pixels)
    assert torch.equal(a.gray, b.gray)
    base = first.batch(1, 5, 4, Window(32, 1)).pixels
    assert not torch.equal(base, first.batch(1, 6, 4, Window(32, 1)).pixels)
    assert not torch.equal(base, first.batch(2, 5, 4, Window(32, 1)).pixels)
    assert not torch.equal(base, CropSource(paths, config, 4).batch(1, 5, 4, Window(32, 1)).pixels)


def test_crops_are_whole_numbers_of_the_right_size(pictures: Path) -> None:
    source = CropSource(open_pictures(pictures), DataConfig(smallest_scale=0.5), 0)
    batch = source.batch(1, 0, 16, Window(48, 1))
    pixels, gray = batch.pixels, batch.gray
    assert pixels.shape == (16, 3, 48, 48)
    assert pixels.dtype == torch.float32
    assert torch.equal(pixels, pixels.round())
    assert 0 <= pixels.min() < pixels.max() <= 255
    assert not gray.any()


def test_crops_come_from_the_picture(tmp_path: Path) -> None:
    pixels = made_pixels(1, 40, 50)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    source = CropSource(open_pictures(tmp_path), DataConfig(smallest_scale=1.0), 0)
    for step in range(5):
        crop = (
            source.batch(1, step, 1, Window(24, 1))
            .pixels[0]
            .permute(1, 2, 0)
            .numpy()
            .astype(np.uint8)
        )
        places = [(i, j) for i in range(17) for j in range(27)]
        cuts = (pixels[i : i + 24, j : j + 24] for i, j in places)
        assert any(np.array_equal(c, crop) or np.array_equal(c[:, ::-1], crop) for c in cuts)


def test_gray_crops_have_three_equal_channels(pictures: Path) -> None:
    source = CropSource(open_pictures(pictures), DataConfig(gray_share=0.5), 0)
    batch = source.batch(1, 0, 16, Window(16, 1))
    pixels, gray = batch.pixels, batch.gray
    assert 0 < int(gray.sum()) < 16
    same = (pixels == pixels[:, :1]).flatten(1).all(1)
    assert torch.equal(same, gray)


@pytest.mark.parametrize(
    ("shape", "inside", "padded"),
    [
        ((20, 90), (16, 64), (16, 64)),  # multiples of 8 that lie in the picture
        ((100, 64), (64, 64), (64, 64)),
        ((3, 90), (3, 64), (8, 64)),  # smaller than a cell: taken whole, its edge repeated
        ((1, 1), (1, 1), (8, 8)),
    ],
)
def test_crops_follow_the_data(
    tmp_path: Path, shape: tuple[int, int], inside: tuple[int, int], padded: tuple[int, int]
) -> None:
    """Crops of 256 pixels of pictures of 32 were 98 % smeared edge."""
    pixels = made_pixels(0, *shape)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    source = CropSource(open_pictures(tmp_path), DataConfig(), 0)
    batch = source.batch(1, 0, 2, Window(64, 8))
    assert (batch.height, batch.width) == inside
    assert batch.pixels.shape == (2, 3, *padded)
    assert batch.inside(batch.pixels).shape == (2, 3, *inside)
    whole = source.batch(1, 0, 2, Window(64, 8, whole=64))
    assert (whole.height, whole.width) == tuple(min(64, side) for side in shape)
    last = whole.pixels[:, :, whole.height - 1, : whole.width]
    for row in range(whole.height, whole.pixels.shape[2]):
        assert torch.equal(whole.pixels[:, :, row, : whole.width], last)


def test_pictures_of_other_sizes_share_no_batch(tmp_path: Path) -> None:
    """The first picture decides the size, and smaller pictures are drawn in batches of their own."""
    for number, side in enumerate((24, 80)):
        Image.fromarray(made_pixels(number, side, side)).save(tmp_path / f"{side}.png")
    source = CropSource(open_pictures(tmp_path), DataConfig(), 0)
    sides = {source.batch(1, step, 3, Window(64, 8)).height for step in range(12)}
    assert sides == {24, 64}


def test_a_part_of_a_batch_is_that_of_the_whole(pictures: Path) -> None:
    source = CropSource(open_pictures(pictures), DataConfig(gray_share=0.4), 0)
    whole = source.batch(1, 3, 6, Window(32, 8))
    parts = [source.batch(1, 3, 6, Window(32, 8), part) for part in (slice(0, 3), slice(3, 6))]
    assert torch.equal(torch.cat([part.pixels for part in parts]), whole.pixels)
    assert torch.equal(torch.cat([part.gray for part in parts]), whole.gray)


def test_without_flips_nothing_is_flipped(tmp_path: Path) -> None:
    """Flips were always on, which is wrong for digits and text."""
    pixels = made_pixels(3, 16, 16)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    flipped = torch.from_numpy(pixels[:, ::-1].copy()).permute(2, 0, 1).float()
    for flip in (True, False):
        source = CropSource(open_pictures(tmp_path), DataConfig(flip=flip), 0)
        crops = source.batch(1, 0, 32, Window(16, 1)).pixels
        assert any(torch.equal(crop, flipped) for crop in crops) == flip


def test_gray_files_become_three_channels(tmp_path: Path) -> None:
    Image.fromarray(made_pixels(0)[:, :, 0]).save(tmp_path / "gray.png")
    batch = CropSource(open_pictures(tmp_path), DataConfig(), 0).batch(1, 0, 2, Window(16, 1))
    pixels, _ = batch.pixels, batch.gray
    assert torch.equal(pixels[:, 0], pixels[:, 2])


def test_unreadable_pictures_are_skipped_and_remembered(pictures: Path) -> None:
    for number in range(40):
        (pictures / f"bad{number}.jpg").write_bytes(b"no picture at all")
    source = CropSource(open_pictures(pictures), DataConfig(), 0)
    for step in range(30):
        source.batch(1, step, 4, Window(16, 1))
    assert len(source.refused) == 40
    assert all("Pillow" in reason for reason in source.refused.values())


def test_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    source = CropSource(open_pictures(tmp_path), DataConfig(), 0)
    with pytest.raises(TrainingError, match="none of the pictures can be read"):
        source.batch(1, 0, 1, Window(16, 1))


def test_a_full_cache_changes_nothing(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = open_pictures(pictures)
    cached = CropSource(paths, DataConfig(), 0).batch(1, 0, 8, Window(16, 1)).pixels
    monkeypatch.setattr(crops_module, "CACHE_BYTES", 0)
    assert torch.equal(
        CropSource(paths, DataConfig(), 0).batch(1, 0, 8, Window(16, 1)).pixels, cached
    )


def test_jitter_keeps_to_its_range() -> None:
    try:
        jitter(torch.zeros(3, 8, 8), (1.1, 1.0, 0.9))
    except TrainingError as error:
        pytest.skip(str(error))
    crop = torch.from_numpy(made_pixels(0)).permute(2, 0, 1).float()
    first, second = (jitter(crop, (1.2, 0.8, 1.1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, crop)
    assert torch.equal(first, first.round())
    assert 0 <= first.min() < first.max() <= 255


def test_a_broken_torchvision_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.startswith("torchvision"):
            raise RuntimeError("operator torchvision::nms does not exist")
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(TrainingError, match=r"data\.colour_jitter=0"):
        jitter(torch.zeros(3, 8, 8), (1.1, 1.0, 0.9))
