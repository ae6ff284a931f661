"""Picture files for the tests, put together byte by byte: parts that Pillow's writers cannot make."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.pictures.made_pictures import encoded, gradient

RGB = Image.fromarray(gradient())
PNG_FRONT = b"\x89PNG\r\n\x1a\n"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png_with(*chunks: tuple[bytes, bytes], png: bytes | None = None) -> bytes:
    """A PNG with more chunks behind its header."""
    png = encoded(RGB) if png is None else png
    return png[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + png[33:]


def png_of(
    samples: NDArray[np.integer], bits: int, kind: int, *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG of samples `(H, W)` or `(H, W, channels)` of 1 to 16 bits, with chunks before its data."""
    rows = samples.reshape(len(samples), -1)
    if bits == 16:
        lines = [row.astype(">u2").tobytes() for row in rows]
    else:
        digits = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        lines = [np.packbits(row.ravel()).tobytes() for row in digits.astype(np.uint8)]
    data = zlib.compress(b"".join(b"\0" + line for line in lines))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return PNG_FRONT + b"".join(png_chunk(*part) for part in parts)


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg_with(
    *segments: tuple[int, bytes], behind: bytes = b"", image: Image.Image | None = None
) -> bytes:
    """A JPEG with more segments at its front, and bytes behind its end."""
    jpeg = encoded(image or RGB, "JPEG")
    return jpeg[:2] + b"".join(jpeg_segment(*segment) for segment in segments) + jpeg[2:] + behind


def mp_index(pictures: int) -> bytes:
    """The content of an APP2 segment that lists so many pictures."""
    entries = b"".join(struct.pack("<IIIHH", 0, 100, 0, 0, 0) for _ in range(pictures))
    tags = [
        struct.pack("<HHI4s", 0xB000, 7, 4, b"0100"),
        struct.pack("<HHII", 0xB001, 4, 1, pictures),
        struct.pack("<HHII", 0xB002, 7, len(entries), 50),
    ]
    return b"MPF\0II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(tags) + bytes(4) + entries


def tiff_of(
    samples: NDArray[Any],
    *tags: tuple[int, int, int, bytes],
    bits: int | None = None,
    photometric: int = 1,
    order: str = "<",
    kind: int = 1,
    behind: bytes = b"",
) -> bytes:
    """A TIFF of one strip of gray or RGB samples, with more tags `(tag, kind, count, value)`."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bits = bits or 8 * samples.dtype.itemsize
    if bits < 8:
        digits = (samples.reshape(height, -1)[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        strip = b"".join(np.packbits(row.ravel()).tobytes() for row in digits.astype(np.uint8))
    else:
        strip = samples.astype(np.dtype(samples.dtype.str.replace("<", order))).tobytes()

    def pack(letter: str, *numbers: int) -> bytes:
        return struct.pack(f"{order}{len(numbers)}{letter}", *numbers)

    rows = {
        256: (4, pack("I", width)),
        257: (4, pack("I", height)),
        258: (3, pack("H", *[bits] * channels)),
        259: (3, pack("H", 1)),
        262: (3, pack("H", photometric)),
        273: (4, pack("I", 8)),
        277: (3, pack("H", channels)),
        278: (4, pack("I", height)),
        279: (4, pack("I", len(strip))),
        339: (3, pack("H", *[kind] * channels)),
    }
    entries = [
        (tag, form, len(value) // {3: 2, 4: 4}[form], value) for tag, (form, value) in rows.items()
    ]
    entries = sorted([*entries, *tags])
    start = 8 + len(strip) + len(strip) % 2
    table, tail = pack("H", len(entries)), b""
    for tag, form, count, value in entries:
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = pack("I", start + 2 + 12 * len(entries) + 4 + len(tail))
            tail += value + bytes(len(value) % 2)
        table += pack("H", tag, form) + pack("I", count) + place
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (
        mark + pack("I", start) + strip + bytes(len(strip) % 2) + table + bytes(4) + tail + behind
    )


def gif_with(*extensions: bytes, behind: bytes = b"") -> bytes:
    """A GIF with extensions before its picture."""
    gif = encoded(RGB, "GIF")
    front = 13 + (3 << (gif[10] & 7) + 1)
    return gif[:front] + b"".join(extensions) + gif[front:] + behind


def gif_blocks(content: bytes) -> bytes:
    parts = [content[at : at + 255] for at in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def gif_application(name: bytes, content: bytes) -> bytes:
    return b"\x21\xff\x0b" + name + gif_blocks(content)


def gif_xmp(packet: bytes) -> bytes:
    return b"\x21\xff\x0bXMP DataXMP" + packet + b"\1" + bytes(range(255, -1, -1)) + b"\0"


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp_with(*chunks: tuple[bytes, bytes], behind: bytes = b"") -> bytes:
    """An extended WebP with more chunks at its end."""
    webp = encoded(RGB.convert("RGBA"), "WEBP", lossless=True, exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    body = webp[8:] + b"".join(riff_chunk(*chunk) for chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body + behind


def bmp_v5(
    space: bytes, *, profile: bytes = b"", ends: Sequence[float] = (), gammas: Sequence[float] = ()
) -> bytes:
    """A BMP with a header of version 5 and a profile behind its pixels."""
    old = encoded(RGB, "BMP")
    pixels = old[54:]
    info = struct.pack("<I", 124) + old[18:54] + struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0)
    numbers = [round(end * (1 << 30)) for end in ends] or [0] * 9
    curves = [round(gamma * (1 << 16)) for gamma in gammas] or [0] * 3
    info += space + struct.pack("<9i3I", *numbers, *curves)
    info += struct.pack("<IIII", 4, 124 + len(pixels) if profile else 0, len(profile), 0)
    size = 14 + len(info) + len(pixels) + len(profile)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + len(info)) + info + pixels + profile


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def jp2_with(*boxes: bytes, color: bytes | None = None, behind: bytes = b"") -> bytes:
    """A JP2 with more boxes before its codestream, and another `colr` box."""
    jp2 = encoded(RGB, "JPEG2000", irreversible=False)
    parts: list[bytes] = []
    at = 0
    while at < len(jp2):
        size = int.from_bytes(jp2[at : at + 4], "big") or len(jp2) - at
        kind, content = jp2[at + 4 : at + 8], jp2[at + 8 : at + size]
        if kind == b"jp2h" and color is not None:
            content = content[:22] + box(b"colr", color)
        if kind == b"jp2c":
            parts += boxes
        parts.append(box(kind, content))
        at += size
    return b"".join(parts) + behind


def heif_with(file: bytes, *boxes: bytes) -> bytes:
    """An AVIF or HEIC with more boxes at its end."""
    return file + b"".join(boxes)


def png_bytes(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
