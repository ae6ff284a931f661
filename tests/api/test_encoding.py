"""`vqzip.encode`: whatever is a picture, with every setting, from many threads, in memory that does not grow."""

from __future__ import annotations

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vqzip
from tools.golden.models import smooth_pixels
from vqzip.families import known, shared

PIXELS = smooth_pixels(40, 56, 3)


@pytest.fixture
def tiny(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the tiny model under its name."""
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    return "tiny"


def png(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **options)
    return file.getvalue()


def test_image_path_bytes_and_array_are_the_same_picture(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(PIXELS))
    given: list[Any] = [
        PIXELS,
        Image.fromarray(PIXELS),
        path,
        str(path),
        path.read_bytes(),
        Image.open(path),
    ]
    assert len({vqzip.encode(each, model=tiny) for each in given}) == 1


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_every_number_of_channels(tiny: str, channels: int | None) -> None:
    shape = (20, 30) if channels is None else (20, 30, channels)
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    image = vqzip.decode(vqzip.encode(pixels, 8, model=tiny))
    assert image.mode == {None: "L", 1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    assert image.size == (30, 20)
    if channels in (2, 4):
        assert np.array_equal(np.asarray(image)[..., -1], pixels[..., -1])


def test_a_view_that_is_not_contiguous(tiny: str) -> None:
    turned = PIXELS.transpose(1, 0, 2)[::-1]
    assert vqzip.encode(turned, model=tiny) == vqzip.encode(turned.copy(), model=tiny)


@pytest.mark.parametrize(
    "given", [PIXELS.astype(np.float32), np.zeros((2, 3, 5), np.uint8), np.zeros(4, np.uint8), 7]
)
def test_what_is_no_picture_is_refused(tiny: str, given: Any) -> None:
    with pytest.raises(vqzip.PictureError, match=r"uint8|PIL image"):
        vqzip.encode(given, model=tiny)


def test_no_pixels_are_refused(tiny: str) -> None:
    with pytest.raises(vqzip.PictureError, match="at least one pixel"):
        vqzip.encode(np.zeros((0, 3), np.uint8), model=tiny)


def test_quality_as_number_digits_and_name(tiny: str) -> None:
    assert vqzip.encode(PIXELS, model=tiny) == vqzip.encode(PIXELS, "good", model=tiny)
    assert vqzip.encode(PIXELS, 4, model=tiny) == vqzip.encode(PIXELS, "Web", model=tiny)
    assert vqzip.encode(PIXELS, "6.5", model=tiny) == vqzip.encode(PIXELS, 6.5, model=tiny)
    with pytest.raises(vqzip.UsageError, match="thumbnail, web, good, archive"):
        vqzip.encode(PIXELS, "best", model=tiny)


def test_sizes_and_psnr_are_reached(tiny: str) -> None:
    middle = len(vqzip.encode(PIXELS, 5, model=tiny))
    by_bytes = vqzip.encode(PIXELS, max_bytes=middle, model=tiny)
    by_rate = vqzip.encode(PIXELS, bpp=8.001 * middle / (40 * 56), model=tiny)
    assert len(by_bytes) <= middle
    assert by_bytes == by_rate
    data = vqzip.encode(PIXELS, psnr=25, model=tiny)
    error = np.asarray(vqzip.decode(data)).astype(float) - PIXELS
    assert 10 * np.log10(255**2 / np.mean(error**2)) >= 25


def test_two_goals_are_refused() -> None:
    with pytest.raises(vqzip.UsageError, match="quality and psnr ask for different things"):
        vqzip.encode(PIXELS, 4, psnr=30)
    with pytest.raises(vqzip.UsageError, match="max_bytes and bpp"):
        vqzip.encode(PIXELS, max_bytes=30, bpp=1)


@pytest.mark.parametrize("goal", [{"psnr": -1}, {"bpp": 0}, {"max_bytes": 0}, {"ms_ssim": 1.0}])
def test_goals_that_cannot_be(goal: dict[str, Any]) -> None:
    with pytest.raises(vqzip.UsageError, match=r"above zero|between 0 and 1"):
        vqzip.encode(PIXELS, **goal)


def test_strip_and_strict(tiny: str) -> None:
    exif = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"
    with_exif = png(PIXELS, exif=exif)
    assert vqzip.decode(vqzip.encode(with_exif, model=tiny)).info["exif"] == b"Exif\0\0" + exif
    assert vqzip.decode(vqzip.encode(with_exif, strip=True, model=tiny)).info == {}
    deep = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
    file = io.BytesIO()
    deep.save(file, "PNG")
    for given in (deep, file.getvalue()):
        assert vqzip.encode(given, model=tiny)
        with pytest.raises(vqzip.PictureError, match="more than 8 bits"):
            vqzip.encode(given, strict=True, model=tiny)


@pytest.mark.parametrize("kind", ["image", "opened", "bytes", "array"])
def test_pictures_above_max_pixels_are_refused(kind: str) -> None:
    given: Any = {
        "image": Image.fromarray(PIXELS),
        "opened": Image.open(io.BytesIO(png(PIXELS))),
        "bytes": png(PIXELS),
        "array": PIXELS,
    }[kind]
    with pytest.raises(vqzip.PictureError, match="56 x 40 pixels"):
        vqzip.encode(given, max_pixels=40 * 56 - 1, model="there is no such model")


def test_a_model_is_loaded_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def counted(folder: Path, device: str) -> Any:
        calls.append(folder)
        return known.load_model(folder, device)

    monkeypatch.setattr(shared, "load_model", counted)
    shared._loaded.cache_clear()
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    for _ in range(3):
        vqzip.decode(vqzip.encode(PIXELS, model="tiny"))
    assert len(calls) == 1
    shared._loaded.cache_clear()


def test_a_model_that_was_changed_is_loaded_again(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    first = vqzip.encode(PIXELS, model=folder)
    other = tiny_model.with_name("tiny-gains")
    for file in other.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert vqzip.encode(PIXELS, model=folder) != first


def test_threads_get_the_same_files(tiny: str) -> None:
    pictures = [smooth_pixels(30 + n, 45, 3) for n in range(12)]
    one_by_one = [vqzip.encode(each, model=tiny) for each in pictures]
    start = threading.Barrier(6, timeout=60)

    def work(_: int) -> list[bytes]:
        start.wait()
        files = [vqzip.encode(each, model=tiny) for each in pictures]
        for file in files:
            vqzip.decode(file)
        return files

    with ThreadPoolExecutor(6) as pool:
        assert all(files == one_by_one for files in pool.map(work, range(6)))


def test_many_in_order_and_equal(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQZIP_THREADS", "3")
    batch = np.stack([smooth_pixels(24, 32, 3) + n for n in range(31)])
    files = list(vqzip.encode_many(batch, 5, model=tiny))
    assert files == [vqzip.encode(each, 5, model=tiny) for each in batch]
    images = list(vqzip.decode_many(files, reduction=2))
    assert [image.size for image in images] == [(16, 12)] * 31


def test_many_takes_no_more_than_it_needs(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQZIP_THREADS", "2")
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield PIXELS

    files = vqzip.encode_many(endless(), model=tiny)
    next(files)
    assert taken == 8


def test_the_first_error_of_many_comes_out(tiny: str) -> None:
    files = vqzip.encode_many([PIXELS, b"no picture", PIXELS], model=tiny)
    with pytest.raises(vqzip.PictureError, match="no picture"):
        list(files)


def test_settings_of_many_are_checked_at_once() -> None:
    with pytest.raises(vqzip.UsageError):
        vqzip.encode_many([], 4, psnr=30)


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_pictures(tiny: str) -> None:
    resource = pytest.importorskip("resource")
    chance = np.random.default_rng(2)

    def picture() -> NDArray[np.uint8]:
        return chance.integers(0, 256, (120, 160, 3), np.uint8)

    def work(count: int) -> int:
        files = vqzip.encode_many((picture() for _ in range(count)), 8, model=tiny)
        for image in vqzip.decode_many(files):
            assert image.size == (160, 120)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    before = work(200)
    # In kilobytes, on macOS in bytes; a thousand of the pictures or files would take 58 MB.
    unit = 1 if sys.platform == "darwin" else 1024
    assert (work(1000) - before) * unit < 16 << 20
