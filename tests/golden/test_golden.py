"""Golden files decode forever: the same codes on every machine, pixels within the tolerance.

docs/format.md and docs/exactness.md promise it. That an encoder finds the same codes again is not
promised and not tested.
"""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.golden.make import EXPECTED, TINY, TINY_VQ, conv_config, pictures, wavelet_config
from vqzip.codec import Codec, load
from vqzip.container.build import build
from vqzip.container.fields import Header, VqzFile
from vqzip.container.parse import parse
from vqzip.errors import VqzipError
from vqzip.model_folder import read_config

NAMES = ("rgb", "gray", "alpha", "two-tiles", "one-pixel")
FOLDERS = (TINY, TINY_VQ)
FILES = [(folder, name) for folder in FOLDERS for name in NAMES]
MAX_PIXELS = 1 << 16

golden_files = pytest.mark.parametrize(
    ("folder", "name"), FILES, ids=[f"{folder.name}-{name}" for folder, name in FILES]
)


@cache
def codec_of(folder: Path) -> Codec:
    return load(folder)


@cache
def file_of(folder: Path, name: str) -> bytes:
    return (folder / f"{name}.vqz").read_bytes()


@golden_files
def test_codes_are_those_of_the_encoder(folder: Path, name: str) -> None:
    expected = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))[name]["codes"]
    assert codec_of(folder).decode_codes(file_of(folder, name)).sha256() == expected


@golden_files
def test_pixels_are_within_the_tolerance(folder: Path, name: str) -> None:
    decoded = codec_of(folder).decode_picture(file_of(folder, name))
    image = Image.open(folder / f"{name}.png")
    expected = np.asarray(image)
    if decoded.alpha is not None:
        assert np.array_equal(decoded.alpha, expected[:, :, 3])
        expected = expected[:, :, :3]
    assert decoded.pixels.shape == expected.shape
    difference = np.abs(decoded.pixels.astype(np.int16) - expected)
    assert difference.max() <= 2
    assert np.mean(difference <= 1) >= 0.999
    assert np.sqrt(np.mean(np.square(difference, dtype=np.float64))) < 0.1


def test_metadata_come_back() -> None:
    for folder in FOLDERS:
        decoded = codec_of(folder).decode_picture(file_of(folder, "alpha"))
        original = pictures()["alpha"]
        assert decoded.metadata == original.metadata
        assert decoded.alpha is not None
        assert original.alpha is not None
        assert np.array_equal(decoded.alpha, original.alpha)


def test_golden_pictures_resemble_their_originals() -> None:
    for name, picture in pictures().items():
        decoded = codec_of(TINY).decode_picture(file_of(TINY, name))
        error = decoded.pixels.astype(np.float64) - picture.pixels
        assert np.sqrt(np.mean(error**2)) < 15, name


def test_the_models_are_those_that_make_makes() -> None:
    assert read_config(TINY) == wavelet_config()
    assert read_config(TINY_VQ) == conv_config()


# Damage: what comes back is right or a VqzipError, in bounded memory.


@given(st.sampled_from(FILES), st.data())
def test_altered_bytes_are_noticed(golden: tuple[Path, str], data: st.DataObject) -> None:
    folder, name = golden
    altered = bytearray(file_of(folder, name))
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(altered)) | st.just(len(altered)))
    whole = bytes(altered)[:cut]
    codec = codec_of(folder)
    try:
        codes = codec.decode_codes(whole, max_pixels=MAX_PIXELS)
    except VqzipError:
        return
    assert whole == file_of(folder, name)
    assert codes.equals(codec.decode_codes(file_of(folder, name)))


@given(st.sampled_from(FILES), st.data())
def test_a_cut_file_is_drawn_or_refused(golden: tuple[Path, str], data: st.DataObject) -> None:
    folder, name = golden
    whole = file_of(folder, name)
    part = whole[: data.draw(st.integers(0, len(whole)))]
    header = parse(whole, max_pixels=MAX_PIXELS).header
    try:
        picture = codec_of(folder).decode_picture(part, partial=True)
    except VqzipError:
        return
    assert (picture.width, picture.height) == (header.width, header.height)


@given(st.sampled_from(FILES), st.data())
def test_hostile_payloads_are_refused_or_codes(
    golden: tuple[Path, str], data: st.DataObject
) -> None:
    """Checksums do not protect from somebody who computes them anew."""
    folder, name = golden
    file = parse(file_of(folder, name), max_pixels=MAX_PIXELS)
    words = st.binary(max_size=64).map(lambda raw: raw[: len(raw) // 4 * 4])
    streams = tuple(
        tuple(
            payload if data.draw(st.booleans()) else _spoilt(payload or b"", data.draw(words))
            for payload in stream
        )
        for stream in file.streams
    )
    _decode_hostile(codec_of(folder), VqzFile(file.header, streams, file.sections))


def _spoilt(payload: bytes, words: bytes) -> bytes:
    """Return a payload whose front is replaced."""
    return words + payload[len(words) + 4 :]


@given(st.sampled_from(FILES), st.data())
def test_hostile_headers_are_refused_or_codes(
    golden: tuple[Path, str], data: st.DataObject
) -> None:
    folder, name = golden
    file = parse(file_of(folder, name), max_pixels=MAX_PIXELS)
    header = _changed(file.header, data)
    payloads = [[stream[0]] * header.tiles for stream in file.streams] * header.streams
    streams = tuple(tuple(stream) for stream in payloads[: header.streams])
    _decode_hostile(codec_of(folder), VqzFile(header, streams, file.sections))


def _changed(header: Header, data: st.DataObject) -> Header:
    side = st.integers(1, 300)
    return replace(
        header,
        width=data.draw(st.just(header.width) | side),
        height=data.draw(st.just(header.height) | side),
        mode=data.draw(st.sampled_from(("rgb", "gray"))),
        quality_step=data.draw(st.just(header.quality_step) | st.integers(0, 56)),
        tile_log2=data.draw(st.just(header.tile_log2) | st.integers(8, 16)),
        streams=data.draw(st.just(header.streams) | st.integers(1, 4)),
    )


def _decode_hostile(codec: Codec, file: VqzFile) -> None:
    data = build(file)
    tracemalloc.start()
    try:
        picture = codec.decode_picture(data, max_pixels=300 * 300 * 16)
    except VqzipError:
        return
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 << 20
    assert (picture.width, picture.height) == (file.header.width, file.header.height)
