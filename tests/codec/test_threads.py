"""While one thread works with vqzip, the others find every setting of the process as they left it."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures.loss_table import exif
from tests.pictures.made_pictures import NO_LIMIT, encoded, gradient
from tools.golden.models import TINY, smooth_pixels
from vqzip.codec.codec import load
from vqzip.errors import PictureError
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_file
from vqzip.pictures.write import picture_to_bytes

LIMIT = 1000
"""Of Pillow on pixels, as the caller sets it; over twice as many are an error."""
OPENS = 10_000

LARGE = encoded(Image.fromarray(gradient(60, 60)))
SMALL = encoded(Image.fromarray(gradient(20, 20)))


def globals_seen() -> tuple[object, ...]:
    """Return what vqzip could change for everybody."""
    return (
        Image.MAX_IMAGE_PIXELS,
        tuple(map(id, warnings.filters)),
        warnings.showwarning,
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        torch.is_grad_enabled(),
        np.geterr()["divide"],
        Path.cwd(),
    )


def outcome(data: bytes) -> str:
    """Return what becomes of a picture that a caller opens with Pillow."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Image.DecompressionBombError:
        return "bomb"
    return "opened"


def read_all() -> None:
    picture = Image.fromarray(gradient(60, 60))
    for data in (
        LARGE,
        encoded(picture, "JPEG", exif=b"Exif\0\0" + exif()),
        encoded(picture, "TIFF"),
        # This plugin asks the limit of the process itself.
        encoded(picture.resize((30, 30)), "WEBP"),
        encoded(picture, "GIF"),
    ):
        found = read_file(data, max_pixels=NO_LIMIT)
        for image_format in ("PNG", "TIFF", "JPEG"):
            picture_to_bytes(found.picture, image_format)
    with pytest.raises(PictureError):
        read_file(LARGE[:-30], max_pixels=NO_LIMIT)


def code() -> None:
    codec = load(TINY)
    codec.decode_picture(codec.encode_picture(Picture(smooth_pixels(37, 50, 31))).data)


@pytest.mark.parametrize("work", [read_all, code], ids=["reading", "coding"])
def test_a_thread_that_looks_sees_nothing_change(
    work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", LIMIT)
    before, stop = globals_seen(), threading.Event()
    seen: set[tuple[object, ...]] = set()

    def look() -> None:
        while not stop.is_set():
            seen.add(globals_seen())

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(10):
            work()
    finally:
        stop.set()
        looker.join()
    assert seen == {before}
    assert globals_seen() == before


@pytest.mark.slow
def test_ten_thousand_opens_beside_a_reader_have_their_own_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", LIMIT)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            read_all()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        outcomes = [(outcome(LARGE), outcome(SMALL)) for _ in range(OPENS // 2)]
    finally:
        stop.set()
        reader.join()
    assert set(outcomes) == {("bomb", "opened")}


def test_many_threads_read_the_same_pictures() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_file(LARGE, max_pixels=NO_LIMIT), range(64)))
    assert all(np.array_equal(each.picture.pixels, gradient(60, 60)) for each in found)


def test_a_limit_above_that_of_pillow_is_the_callers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", LIMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_file(LARGE, max_pixels=3600).picture.width == 60
