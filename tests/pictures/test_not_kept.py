"""What is not kept is named, nothing else is, and --strict refuses just that."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.pictures.made_pictures import NO_LIMIT, encoded, gradient, icc_profile, ramp
from vqzip.errors import PictureError
from vqzip.pictures.not_kept import listed
from vqzip.pictures.read import PictureRead, read_file, read_picture

RGB, GRAY = Image.fromarray(gradient()), Image.fromarray(ramp())
PRINT = RGB.convert("CMYK")
DEEP = Image.fromarray(ramp().astype(np.uint16) * 257)


def read(data: bytes) -> PictureRead:
    return read_file(data, max_pixels=NO_LIMIT)


def deep_colors() -> bytes:
    """A PPM of 16 bits a sample, in color."""
    return b"P6 33 24 65535\n" + (gradient().astype(">u2") * 257).tobytes()


def text(**entries: str) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for key, value in entries.items():
        info.add_text(key, value)
    return {"pnginfo": info}


def with_chunk(png: bytes, kind: bytes, payload: bytes) -> bytes:
    """A PNG with one more chunk after its header; Pillow's writer makes none of these."""
    import zlib

    crc = zlib.crc32(kind + payload)
    return (
        png[:33]
        + struct.pack(">I", len(payload))
        + kind
        + payload
        + struct.pack(">I", crc)
        + png[33:]
    )


def frames(count: int) -> dict[str, Any]:
    return {"save_all": True, "append_images": [RGB.rotate(90 * n) for n in range(1, count)]}


def iptc() -> bytes:
    """A Photoshop segment of JPEG with IPTC in it."""
    resource = b"8BIM" + struct.pack(">HBBI", 0x0404, 0, 0, 6) + b"\x1c\x02\x78\0\1c"
    segment = b"Photoshop 3.0\0" + resource
    data = encoded(RGB, "JPEG")
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def extended_xmp() -> bytes:
    segment = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"<x/>"
    data = encoded(RGB, "JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


PRINTED = "colors that are not sRGB and have no ICC profile"
LOSSES = {
    "png-16": (encoded(DEEP), "more than 8 bits a sample"),
    "tiff-16": (encoded(DEEP, "TIFF"), "more than 8 bits a sample"),
    "jp2-16": (encoded(DEEP, "JPEG2000"), "more than 8 bits a sample"),
    "ppm-16": (deep_colors(), "more than 8 bits a sample"),
    "float": (
        encoded(Image.fromarray(ramp().astype(np.float32) / 255), "TIFF"),
        "more than 8 bits a sample",
    ),
    "cmyk": (encoded(PRINT, "TIFF"), "CMYK colors"),
    "cmyk-jpeg": (
        encoded(PRINT, "JPEG", icc_profile=icc_profile(b"CMYK")),
        "CMYK colors",
    ),
    "extra": (encoded(RGB.convert("RGBX"), "TIFF"), "extra channels"),
    "gif": (encoded(RGB, "GIF", **frames(3)), "2 further pictures"),
    "webp": (encoded(RGB, "WEBP", **frames(2)), "a further picture"),
    "avif": (encoded(RGB, "AVIF", **frames(3)), "2 further pictures"),
    "ico": (encoded(RGB.resize((48, 48)), "ICO", sizes=[(16, 16), (48, 48)]), "a further picture"),
    "profile": (
        encoded(RGB, icc_profile=icc_profile(b"GRAY")),
        "an ICC profile for GRAY on RGB pixels",
    ),
    "gray-profile": (
        encoded(GRAY, icc_profile=icc_profile()),
        "an ICC profile for RGB on gray pixels",
    ),
    "garbage-profile": (encoded(RGB, icc_profile=b"garbage"), "a damaged ICC profile"),
    "pq": (with_chunk(encoded(RGB), b"cICP", bytes([9, 16, 0, 1])), PRINTED),
    "iptc": (iptc(), "IPTC data"),
    "xmp": (extended_xmp(), "extended XMP"),
    "comment": (encoded(RGB, "JPEG", comment=b"hello"), "text comments"),
    "title": (encoded(RGB, **text(Title="Hills")), "text comments"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_named_and_refused_when_strict(name: str) -> None:
    data, loss = LOSSES[name]
    found = read(data)
    assert (*found.losses, *found.text_losses) == (loss,)
    assert found.warning == f"the picture has {loss}, which a .vqz file does not keep"
    with pytest.raises(PictureError) as refused:
        read_picture(data, max_pixels=NO_LIMIT, strict=True)
    assert str(refused.value) == f"{found.warning}; leave out `strict` to convert it."


WHOLE = {
    "rgb": encoded(RGB),
    "jpeg": encoded(RGB, "JPEG", dpi=(300, 300), icc_profile=icc_profile()),
    "gray": encoded(GRAY, icc_profile=icc_profile(b"GRAY")),
    "alpha": encoded(RGB.convert("RGBA")),
    "palette": encoded(RGB.quantize(16), transparency=3),
    "palette-2-bits": encoded(RGB.quantize(3), bits=2),
    "1-bit": encoded(GRAY.convert("1")),
    "1-bit-tiff": encoded(GRAY.convert("1"), "TIFF", compression="group4"),
    "bmp": encoded(RGB, "BMP"),
    "webp": encoded(RGB, "WEBP"),
    "avif": encoded(RGB, "AVIF"),
    "jp2": encoded(RGB, "JPEG2000"),
    "software": encoded(RGB, **text(Software="a program")),
    "gamma": with_chunk(encoded(RGB), b"gAMA", struct.pack(">I", 100_000)),
    "srgb-gamma": with_chunk(encoded(RGB), b"gAMA", struct.pack(">I", 45_455)),
    "gamma-and-profile": with_chunk(
        encoded(RGB, icc_profile=icc_profile()), b"gAMA", struct.pack(">I", 100_000)
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_kept_whole_is_not_warned_of(name: str) -> None:
    found = read(WHOLE[name])
    assert found.warning is None
    found.refuse_losses()


def test_all_losses_are_in_one_line() -> None:
    data = encoded(PRINT, "TIFF", save_all=True, append_images=[PRINT, PRINT])
    warning = read(data).warning
    assert warning is not None
    assert "has CMYK colors and 2 further pictures, which" in warning
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_stripped_metadata_are_no_loss() -> None:
    found = read(encoded(RGB, "JPEG", comment=b"hello")).stripped()
    assert found.warning is None
    deep = read(deep_colors()).stripped()
    assert deep.losses == ("more than 8 bits a sample",)


def test_later_pictures_that_are_damaged_are_still_told_of() -> None:
    data = encoded(RGB, "TIFF", **frames(2))
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        second = image.tag_v2._offset  # type: ignore[attr-defined]
    found = read(data[:second] + b"\xff" * (len(data) - second))
    assert found.losses == ("a further picture",)
    assert np.array_equal(found.picture.pixels, gradient())
