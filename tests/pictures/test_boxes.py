"""Bits, monochrome and color spaces that AVIF, HEIC and JPEG 2000 state."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.pictures.made_pictures import NO_LIMIT, encoded, gradient, ramp
from vqzip.pictures.boxes import StoredSamples, stored_samples
from vqzip.pictures.read import read_file


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def heif(*properties: bytes) -> bytes:
    """A file of such properties and no picture."""
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", b"".join(properties))))
    return box(b"ftyp", b"avif" + bytes(4)) + meta + box(b"mdat", b"coded")


def av1(flags: int) -> bytes:
    return box(b"av1C", bytes([0x81, 0, flags, 0]))


def nclx(primaries: int, transfer: int) -> bytes:
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, 6, 0x80))


def sequence(flags: int) -> bytes:
    """An AVIF sequence, whose samples are told of in its track."""
    boxes = box(b"stsd", bytes(8) + box(b"av01", bytes(78) + av1(flags)))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        boxes = box(kind, boxes)
    return box(b"ftyp", b"avis" + bytes(4)) + boxes


def jp2(bits: int, *components: int) -> bytes:
    header = box(b"ihdr", struct.pack(">IIHBBBB", 4, 5, 3, bits, 7, 0, 0))
    if components:
        header += box(b"bpcc", bytes(components))
    return box(b"jP  ", b"\r\n\x87\n") + box(b"jp2h", header)


def codestream(*depths: int) -> bytes:
    components = b"".join(bytes([depth, 1, 1]) for depth in depths)
    size = struct.pack(">HH8IH", 38 + len(components), 0, *[9] * 8, len(depths))
    return b"\xff\x4f\xff\x51" + size + components


HIGH, TWELVE, MONO = 0x40, 0x60, 0x10
STATED = [
    (heif(av1(0)), StoredSamples()),
    (heif(av1(HIGH)), StoredSamples(bits=10)),
    (heif(av1(TWELVE)), StoredSamples(bits=12)),
    (heif(av1(MONO)), StoredSamples(monochrome=True)),
    # An alpha plane beside colors is monochrome, and may be deeper.
    (heif(av1(0), av1(MONO | HIGH)), StoredSamples(bits=10)),
    (heif(av1(MONO), av1(MONO)), StoredSamples(monochrome=True)),
    (heif(av1(0), nclx(1, 13)), StoredSamples()),
    (heif(av1(0), nclx(12, 13)), StoredSamples(wide=True)),
    (heif(av1(HIGH), nclx(1, 16)), StoredSamples(bits=10, wide=True)),
    (heif(box(b"hvcC", bytes(17) + b"\xf8" + bytes(4))), StoredSamples()),
    (heif(box(b"hvcC", bytes(17) + b"\xfa" + bytes(4))), StoredSamples(bits=10)),
    (sequence(TWELVE), StoredSamples(bits=12)),
    (jp2(7), StoredSamples()),
    (jp2(11), StoredSamples(bits=12)),
    (jp2(0x80 | 15), StoredSamples(bits=16)),
    (jp2(255, 7, 7, 9), StoredSamples(bits=10)),
    (codestream(7, 7, 7), StoredSamples()),
    (codestream(7, 11, 7), StoredSamples(bits=12)),
    (b"", StoredSamples()),
    (heif(box(b"av1C", b"\x81")), StoredSamples()),
]


@pytest.mark.parametrize(("data", "stated"), STATED)
def test_what_files_state(data: bytes, stated: StoredSamples) -> None:
    file = io.BytesIO(data)
    file.seek(3)
    assert stored_samples(file) == stated
    assert file.tell() == 3


def test_a_last_box_without_a_length_reaches_to_the_end() -> None:
    data = heif(av1(TWELVE))
    start = data.index(b"meta") - 4
    meta = data[start : data.index(b"mdat") - 4]
    assert stored_samples(io.BytesIO(data[:start] + bytes(4) + meta[4:])).bits == 12


@pytest.mark.parametrize(
    "data",
    [
        # Deeper than any stack, endless, and as large as no memory.
        b"\0\x10\0\0iprp" * 100_000,
        b"\0\0\0\x08free" * 100_000,
        struct.pack(">I", 0xFFFFFFFF) + b"meta" + bytes(100),
        struct.pack(">I", 1) + b"meta" + b"\xff" * 8,
    ],
)
def test_hostile_boxes_are_left(data: bytes) -> None:
    assert stored_samples(io.BytesIO(data)) == StoredSamples()


@given(st.data())
def test_damage_is_survived(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from([stated[0] for stated in STATED if stated[0]])))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert stored_samples(io.BytesIO(bytes(damaged))).bits >= 8


@pytest.mark.parametrize("image_format", ["AVIF", "JPEG2000"])
def test_files_of_pillow_have_eight_bits(image_format: str) -> None:
    data = encoded(Image.fromarray(gradient()), image_format)
    assert stored_samples(io.BytesIO(data)) == StoredSamples()


def test_gray_avif_stays_gray() -> None:
    data = encoded(Image.fromarray(ramp()), "AVIF", subsampling="4:0:0", quality=100)
    assert stored_samples(io.BytesIO(data)).monochrome
    found = read_file(data, max_pixels=NO_LIMIT)
    assert found.picture.is_gray
    assert abs(found.picture.pixels.astype(int) - ramp()).max() <= 3
    colors = encoded(Image.fromarray(gradient()), "AVIF")
    assert not read_file(colors, max_pixels=NO_LIMIT).picture.is_gray
