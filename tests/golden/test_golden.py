"""Golden files decode forever: the same codes on every machine, pixels within the tolerance.

docs/reference/format.md and docs/promises/exactness.md promise it. That an encoder finds the same codes again is not
promised and not tested. `tests/reference/test_decoder.py` reads the same files with the other decoder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tools.golden.cases import Drawn, Resectioned, codebook_cases, first_cases, section_cases
from tools.golden.make import CASES, EXPECTED, MODELS, make_files
from tools.golden.models import TINY, TINY_GAINS, TINY_VQ
from vqzip.cli.app import run
from vqzip.codec.codec import Codec, load
from vqzip.container.build import build
from vqzip.container.fields import (
    KIND_ALPHA,
    KIND_EXIF,
    KIND_ICC,
    KIND_XMP,
    MAGIC,
    VERSION,
    Header,
    VqzFile,
    crc32,
)
from vqzip.container.parse import parse
from vqzip.errors import VqzipError
from vqzip.models.folder import read_config

FILES = [(folder, name) for folder, cases in CASES.items() for name in cases()]
PICTURED = [(folder, name) for folder, name in FILES if (folder / f"{name}.png").is_file()]
DAMAGED = [(folder, name) for folder in (TINY, TINY_VQ) for name in first_cases()]
SECTIONED = ("alpha", *dict(section_cases(1.0)))
MAX_PIXELS = 1 << 17


def names(files: list[tuple[Path, str]]) -> list[str]:
    return [f"{folder.name}-{name}" for folder, name in files]


@cache
def codec_of(folder: Path) -> Codec:
    return load(folder)


@cache
def file_of(folder: Path, name: str) -> bytes:
    return (folder / f"{name}.vqz").read_bytes()


@cache
def expected_of(folder: Path) -> dict[str, dict[str, str]]:
    expected: dict[str, dict[str, str]] = json.loads((folder / EXPECTED).read_text("utf-8"))
    return expected


@pytest.mark.parametrize(("folder", "name"), FILES, ids=names(FILES))
def test_codes_are_those_of_the_encoder(folder: Path, name: str) -> None:
    expected = expected_of(folder)[name]
    data = file_of(folder, name)
    assert hashlib.sha256(data).hexdigest() == expected["file"]
    codes = codec_of(folder).decode_codes(data, max_pixels=MAX_PIXELS)
    assert codes.sha256() == expected["codes"]


def test_every_file_is_a_case() -> None:
    for folder, cases in CASES.items():
        assert {path.stem for path in folder.glob("*.vqz")} == set(cases())
        assert set(expected_of(folder)) == set(cases())


def test_files_have_every_feature_of_the_format() -> None:
    headers, kinds, empty = [], set(), 0
    for folder, name in FILES:
        file = parse(file_of(folder, name), max_pixels=MAX_PIXELS)
        headers.append(file.header)
        kinds |= {section.kind for section in file.sections}
        empty += any(payload == b"" for stream in file.streams for payload in stream)
    assert {header.mode for header in headers} == {"rgb", "gray"}
    assert {header.quality_step for header in headers} >= set(range(0, 57, 8)) | {1, 10, 19, 55}
    assert {header.tile_log2 for header in headers} == {8, 9, 10, 16}
    assert {header.streams for header in headers} == {2, 3}
    assert kinds >= {KIND_ALPHA, KIND_ICC, KIND_EXIF, KIND_XMP, 0x42, 0x7F}
    assert empty > 0


@pytest.mark.parametrize(("folder", "name"), PICTURED, ids=names(PICTURED))
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


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        *((folder, name) for folder in (TINY, TINY_VQ) for name in SECTIONED),
        (TINY_GAINS, "alpha"),
    ],
)
def test_alpha_and_metadata_come_back(folder: Path, name: str) -> None:
    decoded = codec_of(folder).decode_picture(file_of(folder, name))
    case = CASES[folder]()[name]
    original = case.case if isinstance(case, Resectioned) else case
    assert isinstance(original, Drawn)
    assert decoded.metadata == original.picture.metadata
    alpha = original.picture.alpha
    assert (decoded.alpha is None) == (alpha is None)
    if decoded.alpha is not None and alpha is not None:
        assert np.array_equal(decoded.alpha, alpha)


def test_golden_pictures_resemble_their_originals() -> None:
    for name, case in first_cases().items():
        decoded = codec_of(TINY).decode_picture(file_of(TINY, name))
        error = decoded.pixels.astype(np.float64) - case.picture.pixels
        assert np.sqrt(np.mean(error**2)) < 15, name


def test_the_models_are_those_that_make_makes() -> None:
    for folder, config in MODELS:
        assert read_config(folder) == config()


def test_make_leaves_alone_what_is_there(tmp_path: Path) -> None:
    shutil.copytree(TINY_VQ, tmp_path / "tiny-vq")
    copy = tmp_path / "tiny-vq"
    (copy / "size-7x9.vqz").unlink()
    (copy / "rgb.vqz").write_bytes(b"precious")
    before = expected_of(copy)
    make_files(codec_of(TINY_VQ), copy, codebook_cases())
    assert (copy / "size-7x9.vqz").is_file()
    assert (copy / "rgb.vqz").read_bytes() == b"precious"
    after = json.loads((copy / EXPECTED).read_text("utf-8"))
    assert {k: v for k, v in after.items() if k != "size-7x9"} == {
        k: v for k, v in before.items() if k != "size-7x9"
    }


def test_a_newer_version_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else a later version changes: what is checked first stays where it is."""
    file = tmp_path / "newer.vqz"
    front = MAGIC + bytes([VERSION + 1, 64]) + bytes(range(54))
    file.write_bytes(front + crc32(front).to_bytes(4, "little") + b"of which nobody knows")
    for command in ("decode", "info"):
        assert run([command, str(file)]) == 1
        message = capsys.readouterr().err
        assert f"format version {VERSION + 1}, but this vqzip reads version {VERSION}" in message
        assert message.count("\n") == 1
        assert "install a newer vqzip" in message


# Damage: what comes back is right or a VqzipError, in bounded memory.


@given(st.sampled_from(DAMAGED), st.data())
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


@given(st.sampled_from(DAMAGED), st.data())
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


@given(st.sampled_from(DAMAGED), st.data())
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


@given(st.sampled_from(DAMAGED), st.data())
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
