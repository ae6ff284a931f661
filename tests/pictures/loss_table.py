"""The loss table: for every container and every kind of content, a file made on the spot.

A cell is `kept` (it came through), `named` (the reader names it as a loss, or refuses the file), or
`cannot occur` (the format has no place for it). Anything else is `lost`, which the test refuses.

python -m tests.pictures.loss_table
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from tests.pictures import made_files as made
from tests.pictures.made_files import RGB, XMP_UUID
from tests.pictures.made_pictures import NO_LIMIT, encoded, gradient, ramp
from vqzip.errors import PictureError
from vqzip.pictures.color_numbers import from_h273
from vqzip.pictures.read import PictureRead, read_file

KEPT, NAMED, CANNOT_OCCUR, LOST = "kept", "named", "cannot occur", "lost"
COLUMNS = (
    *("ICC", "EXIF", "orientation", "XMP", "IPTC", "text", "further pictures", "trailing data"),
    *("more than 8 bits", "color numbers"),
)

PROFILE = from_h273(12, 13).profile(gray=False) or b""
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
)
UPRIGHT, LYING = XMP % 1, XMP % 6
DEEP = ramp().astype(np.uint16) * 257
IPTC = b"8BIM" + struct.pack(">HBBI", 0x0404, 0, 0, 6) + b"\x1c\x02\x78\0\1c"
TRAILING = b"something else entirely"


def exif(orientation: int = 1, *, adobe: bool = False) -> bytes:
    """EXIF with a make, and with Adobe RGB as cameras name it."""
    entries = [
        struct.pack("<HHII", 0x010F, 2, 6, 50 if adobe else 38),
        struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0),
    ]
    if not adobe:
        return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + b"".join(entries) + bytes(4) + b"Maker\0"
    entries.append(struct.pack("<HHII", 0x8769, 4, 1, 56))
    inner = struct.pack("<HHHIHHHHII", 2, 0xA001, 3, 1, 0xFFFF, 0, 0xA005, 4, 1, 86) + bytes(4)
    index = struct.pack("<HHHI4s", 1, 1, 2, 4, b"R03\0") + bytes(4)
    front = b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + b"".join(entries) + bytes(4)
    return front + b"Maker\0" + inner + index


def frames(image_format: str, **options: Any) -> bytes:
    further = [RGB.rotate(180)]
    return encoded(RGB, image_format, save_all=True, append_images=further, **options)


def jpeg() -> dict[str, bytes]:
    ifd = b"Exif\0\0"
    return {
        "ICC": encoded(RGB, "JPEG", icc_profile=PROFILE),
        "EXIF": made.jpeg_with((0xE1, ifd + exif())),
        "orientation": made.jpeg_with((0xE1, ifd + exif(6))),
        "XMP": made.jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + UPRIGHT)),
        "IPTC": made.jpeg_with((0xED, b"Photoshop 3.0\0" + IPTC)),
        "text": made.jpeg_with((0xFE, b"hello")),
        "further pictures": made.jpeg_with((0xE2, made.mp_index(2)), behind=encoded(RGB, "JPEG")),
        "trailing data": made.jpeg_with(behind=TRAILING),
        "more than 8 bits": encoded(RGB, "JPEG").replace(
            b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"
        ),
        "color numbers": made.jpeg_with((0xE1, ifd + exif(adobe=True))),
    }


def png() -> dict[str, bytes]:
    return {
        "ICC": encoded(RGB, icc_profile=PROFILE),
        "EXIF": made.png_with((b"eXIf", exif())),
        "orientation": made.png_with((b"eXIf", exif(6))),
        "XMP": made.png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + UPRIGHT)),
        "IPTC": made.png_with((b"tEXt", b"Raw profile type iptc\0\niptc\n  3\n616263\n")),
        "text": made.png_with((b"tEXt", b"parameters\0a cat")),
        "further pictures": frames("PNG"),
        "trailing data": encoded(RGB) + TRAILING,
        "more than 8 bits": encoded(Image.fromarray(DEEP)),
        "color numbers": made.png_with((b"cICP", bytes([12, 13, 0, 1]))),
    }


def webp() -> dict[str, bytes]:
    return {
        "ICC": encoded(RGB, "WEBP", icc_profile=PROFILE),
        "EXIF": encoded(RGB, "WEBP", exif=exif()),
        "orientation": encoded(RGB, "WEBP", exif=exif(6)),
        "XMP": encoded(RGB, "WEBP", xmp=UPRIGHT),
        "further pictures": frames("WEBP", lossless=True),
        "trailing data": encoded(RGB, "WEBP") + TRAILING,
        "color numbers": encoded(RGB, "WEBP", exif=exif(adobe=True)),
    }


def gif() -> dict[str, bytes]:
    return {
        "ICC": made.gif_with(made.gif_application(b"ICCRGBG1012", PROFILE)),
        "orientation": made.gif_with(made.gif_xmp(LYING)),
        "XMP": made.gif_with(made.gif_xmp(UPRIGHT)),
        "text": made.gif_with(b"\x21\xfe" + made.gif_blocks(b"hello")),
        "further pictures": frames("GIF"),
        "trailing data": made.gif_with(behind=TRAILING),
    }


def tiff() -> dict[str, bytes]:
    pixels = gradient()

    def of(*tags: tuple[int, int, int, bytes]) -> bytes:
        return made.tiff_of(pixels, *tags, photometric=2)

    return {
        "ICC": of((34675, 7, len(PROFILE), PROFILE)),
        "EXIF": of((271, 2, 6, b"Maker\0")),
        "orientation": of((274, 3, 1, b"\6\0")),
        "XMP": of((700, 1, len(UPRIGHT), UPRIGHT)),
        "IPTC": of((33723, 7, 6, b"\x1c\x02\x78\0\1c")),
        "text": of((270, 2, 6, b"Maker\0")),
        "further pictures": frames("TIFF"),
        "more than 8 bits": made.tiff_of(DEEP),
        "color numbers": of((319, 5, 6, struct.pack("<12I", *[68, 100, 32, 100] * 3))),
    }


def bmp() -> dict[str, bytes]:
    ends = (0.45, 0.24, 0.02, 0.3, 0.67, 0.05, 0.2, 0.09, 0.8)
    deep = bytearray(made.bmp_v5(b"BGRs"))
    deep[28:34] = struct.pack("<HI", 32, 3)
    deep[54:66] = struct.pack("<3I", 0x3FF00000, 0xFFC00, 0x3FF)
    return {
        "ICC": made.bmp_v5(b"DEBM", profile=PROFILE),
        "trailing data": encoded(RGB, "BMP") + TRAILING,
        "more than 8 bits": bytes(deep),
        "color numbers": made.bmp_v5(bytes(4), ends=ends, gammas=(1.8, 1.8, 1.8)),
    }


def jp2() -> dict[str, bytes]:
    stream = encoded(RGB, "JPEG2000", no_jp2=True)
    return {
        "ICC": made.jp2_with(color=b"\2\0\0" + PROFILE),
        "EXIF": made.jp2_with(made.box(b"uuid", b"JpgTiffExif->JP2" + exif())),
        "orientation": made.jp2_with(made.box(b"uuid", b"JpgTiffExif->JP2" + exif(6))),
        "XMP": made.jp2_with(made.box(b"uuid", XMP_UUID + UPRIGHT)),
        "IPTC": made.jp2_with(
            made.box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + b"\x1c\2")
        ),
        "text": _with_comment(stream),
        "further pictures": made.jp2_with(behind=made.box(b"jp2c", stream)),
        "trailing data": made.jp2_with(behind=TRAILING),
        "more than 8 bits": encoded(Image.fromarray(DEEP), "JPEG2000"),
        "color numbers": made.jp2_with(color=b"\1\0\0\0\0\0\x14"),
    }


def _with_comment(stream: bytes) -> bytes:
    """A bare codestream with a comment behind its SIZ segment."""
    end = 4 + int.from_bytes(stream[4:6], "big")
    return stream[:end] + b"\xff\x64\0\x09\0\1hello" + stream[end:]


def avif() -> dict[str, bytes]:
    plain = encoded(RGB, "AVIF")
    nclx = plain.index(b"colrnclx") + 8
    av1 = plain.index(b"av1C") + 4
    deep = plain[: av1 + 2] + bytes([plain[av1 + 2] | 0x40]) + plain[av1 + 3 :]
    return {
        "ICC": encoded(RGB, "AVIF", icc_profile=PROFILE),
        "EXIF": encoded(RGB, "AVIF", exif=exif()),
        "orientation": encoded(RGB, "AVIF", exif=exif(6)),
        "XMP": encoded(RGB, "AVIF", xmp=UPRIGHT),
        "further pictures": frames("AVIF"),
        "trailing data": plain + TRAILING,
        "more than 8 bits": deep,
        "color numbers": plain[:nclx] + b"\0\x0c" + plain[nclx + 2 :],
    }


def heic() -> dict[str, bytes]:
    import pillow_heif

    def of(image: Image.Image, **options: Any) -> bytes:
        file = io.BytesIO()
        pillow_heif.from_pillow(image).save(file, quality=90, **options)
        return file.getvalue()

    deep = pillow_heif.from_bytes("I;16", DEEP.shape[::-1], DEEP.tobytes())
    two = pillow_heif.from_pillow(RGB)
    two.add_from_pillow(RGB.rotate(180))
    files = []
    for source in (deep, two):
        file = io.BytesIO()
        source.save(file, quality=90, save_all=True)
        files.append(file.getvalue())
    with_profile = RGB.copy()
    with_profile.info["icc_profile"] = PROFILE
    plain = of(RGB, chroma=444)
    nclx = plain.find(b"colrnclx") + 8
    return {
        "ICC": of(with_profile),
        "EXIF": of(RGB, exif=b"Exif\0\0" + exif()),
        "orientation": of(RGB, exif=b"Exif\0\0" + exif(6)),
        "XMP": of(RGB, xmp=UPRIGHT),
        "further pictures": files[1],
        "trailing data": plain + TRAILING,
        "more than 8 bits": files[0],
        "color numbers": plain[:nclx] + b"\0\x0c" + plain[nclx + 2 :],
    }


def jxl() -> dict[str, bytes]:
    import pillow_jxl  # noqa: F401  (makes the format known)

    plain = encoded(RGB, "JXL", use_container=True)
    return {
        # The decoder makes a profile of what the codestream says; this writer takes none.
        "ICC": plain,
        "color numbers": plain,
        "EXIF": encoded(RGB, "JXL", exif=exif()),
        # The decoder turns the picture; EXIF has no say.
        "orientation": encoded(RGB, "JXL", exif=exif(6), lossless=True),
        "XMP": plain + made.box(b"xml ", UPRIGHT),
        "trailing data": plain + TRAILING,
        "more than 8 bits": encoded(Image.fromarray(DEEP), "JXL"),
    }


def ico() -> dict[str, bytes]:
    """An icon of a PNG: all that a PNG has, but more than one picture as sizes."""

    def of(*files: bytes) -> bytes:
        start = 6 + 16 * len(files)
        front = struct.pack("<HHH", 0, 1, len(files))
        for file in files:
            front += struct.pack("<BBBBHHII", 33, 24, 0, 0, 1, 32, len(file), start)
            start += len(file)
        return front + b"".join(files)

    inside = png()
    files = {name: of(inside[name]) for name in inside if name not in ("trailing data",)}
    return files | {
        "further pictures": of(encoded(RGB), encoded(RGB)),
        "trailing data": of(encoded(RGB)) + TRAILING,
    }


def psd() -> dict[str, bytes]:
    pixels = gradient()

    def of(*resources: tuple[int, bytes], depth: int = 8, layers: bytes = b"") -> bytes:
        header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, *pixels.shape[:2], depth, 3)
        body = b"".join(
            b"8BIM"
            + struct.pack(">HHI", number, 0, len(content))
            + content
            + bytes(len(content) % 2)
            for number, content in resources
        )
        planes = pixels.transpose(2, 0, 1).tobytes()
        sizes = struct.pack(">II", 0, len(body))
        return header + sizes + body + struct.pack(">I", len(layers)) + layers + b"\0\0" + planes

    layer = struct.pack(">IhIIII", 30, 1, 0, 0, 1, 1)
    return {
        "ICC": of((1039, PROFILE)),
        "EXIF": of((1058, exif())),
        "orientation": of((1058, exif(6))),
        "XMP": of((1060, UPRIGHT)),
        "IPTC": of((1028, b"\x1c\2\x78\0\1c")),
        "text": of((1035, b"http://example.org")),
        "further pictures": of(layers=layer.ljust(34, b"\0")),
        "trailing data": of() + TRAILING,
        "more than 8 bits": of(depth=16),
        "color numbers": of((1058, exif(adobe=True))),
    }


def ppm() -> dict[str, bytes]:
    plain = encoded(RGB, "PPM")
    return {
        "text": plain[:3] + b"# hello\n" + plain[3:],
        "further pictures": plain + plain,
        "trailing data": plain + TRAILING,
        "more than 8 bits": b"P6 33 24 65535\n" + (gradient().astype(">u2") * 257).tobytes(),
    }


def tga() -> dict[str, bytes]:
    plain = encoded(RGB, "TGA")
    bare = plain[:-26] if plain.endswith(b"TRUEVISION-XFILE.\0") else plain
    return {
        "orientation": encoded(RGB, "TGA", orientation=-1),
        "text": encoded(RGB, "TGA", id_section=b"hello"),
        "trailing data": bare + TRAILING,
        "color numbers": bare + _tga_area(len(bare)),
    }


def _tga_area(start: int) -> bytes:
    area = bytearray(495)
    area[:2] = struct.pack("<H", 495)
    area[478:482] = struct.pack("<HH", 18, 10)
    return bytes(area) + struct.pack("<II", start, 0) + b"TRUEVISION-XFILE.\0"


CONTAINERS: dict[str, Callable[[], dict[str, bytes]]] = {
    "JPEG": jpeg,
    "PNG": png,
    "WebP": webp,
    "GIF": gif,
    "TIFF": tiff,
    "BMP": bmp,
    "JPEG 2000": jp2,
    "AVIF": avif,
    "HEIC": heic,
    "JPEG XL": jxl,
    "ICO": ico,
    "PSD": psd,
    "PPM": ppm,
    "TGA": tga,
}
NEEDS = {"HEIC": "pillow_heif", "JPEG XL": "pillow_jxl"}
"""Packages that only extras bring."""


def outcome(container: str, column: str, data: bytes) -> str:
    """Return what becomes of a kind of content in a file that has it."""
    try:
        found = read_file(data, max_pixels=NO_LIMIT)
    except PictureError:
        return NAMED
    if container == "JPEG XL" and column == "ICC":
        column = "color numbers"
    if _kept(column, found):
        return KEPT
    return NAMED if found.warning is not None else LOST


def _kept(column: str, found: PictureRead) -> bool:
    metadata = found.picture.metadata
    if column == "ICC":
        return metadata.icc == PROFILE
    if column in ("EXIF", "text"):
        return b"Maker\0" in (metadata.exif or b"")
    if column == "orientation":
        return found.warning is None and _is_upright(found)
    if column == "XMP":
        return metadata.xmp == UPRIGHT
    return column == "color numbers" and metadata.icc is not None


def _is_upright(found: PictureRead) -> bool:
    """Return whether a picture was turned from lying on its side, or flipped back."""
    pixels = found.picture.pixels
    if pixels.shape[0] == gradient().shape[0]:
        return bool(np.array_equal(pixels, gradient()))
    turned = np.rot90(gradient(), -1)
    return pixels.shape == turned.shape and float(np.abs(pixels - turned.astype(int)).mean()) < 25


def table(container: str) -> dict[str, str]:
    """Return a row: what becomes of every kind of content of a container."""
    files = CONTAINERS[container]()
    return {
        column: outcome(container, column, files[column]) if column in files else CANNOT_OCCUR
        for column in COLUMNS
    }


def as_markdown() -> str:
    """Return the whole table."""
    lines = [f"| | {' | '.join(COLUMNS)} |", "| --- " * (1 + len(COLUMNS)) + "|"]
    for container in CONTAINERS:
        row = table(container)
        lines.append(f"| {container} | {' | '.join(row[column] for column in COLUMNS)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
