"""Simple formats: PNM, TGA, SGI, DDS, and what is asked of any other format that Pillow opens."""

from __future__ import annotations

import re
from typing import Any

from vqzip.pictures.containers.findings import DATA_AFTER, NOT_SRGB, TEXT, Findings

_PNM_HEADER = re.compile(rb"P([1-6])((?:\s|#[^\n\r]*[\n\r])+\d+){2,3}\s")
_PNM_NUMBER = re.compile(rb"#[^\n\r]*[\n\r]|(\d+)")
_TGA_END = b"TRUEVISION-XFILE.\0"
_TGA_UNPACKED = (1, 2, 3)
_HARMLESS_INFO = frozenset(
    {"dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "compression", "orientation"}
    | {"background", "duration", "loop", "version", "sizes", "icc_profile", "exif", "xmp", "gamma"}
    | {"transparency", "hotspot", "scale", "file_size", "wmf_bbox", "type", "srgb", "aspect", "dds"}
)


def walk_pnm(data: bytes, found: Findings) -> None:
    """Look through a PBM, PGM or PPM file: comments, large samples, further pictures."""
    match = _PNM_HEADER.match(data)
    if match is None:
        return
    if any(line[1:].strip() for line in re.findall(rb"#[^\n\r]*", match[0])):
        found.lose_text(TEXT)
    kind = int(match[1])
    numbers = [int(number) for number in _PNM_NUMBER.findall(match[0][2:]) if number]
    width, height, *rest = numbers
    most = rest[0] if rest else 1
    found.bits = max(8, most.bit_length())
    if kind < 4:
        return
    row = (
        -(-width // 8) if kind == 4 else width * (3 if kind == 6 else 1) * (2 if most > 255 else 1)
    )
    behind = bytes(data[match.end() + row * height :])
    if _PNM_HEADER.match(behind.lstrip()):
        found.pictures += 1
    elif behind.strip(b"\0\r\n\t "):
        found.lose(DATA_AFTER)


def walk_tga(data: bytes, found: Findings) -> None:
    """Look through a TGA file: its text, and the areas that a footer points to."""
    if bytes(data[18 : 18 + data[0]]).strip(b"\0 "):
        found.lose_text(TEXT)
    if bytes(data[-18:]) != _TGA_END:
        if data[2] in _TGA_UNPACKED:
            found.lose_rest(bytes(data[_end_of_tga(data) :]))
        return
    extension = int.from_bytes(data[-26:-22], "little")
    developer = int.from_bytes(data[-22:-18], "little")
    if developer:
        found.lose_part("developer area")
    if extension:
        area = bytes(data[extension : extension + 495])
        # An author, comments, the name of a job; times and names of software are harmless.
        if any(part.strip(b"\0 ") for part in (area[2:43], area[43:367], area[379:420])):
            found.lose_text(TEXT)
        above, below = (int.from_bytes(area[at : at + 2], "little") for at in (478, 480))
        if below and abs(above / below - 1) > 0.01 and abs(above / below - 2.2) > 0.01:
            found.lose(NOT_SRGB)


def _end_of_tga(data: bytes) -> int:
    """Return where the samples of an uncompressed file end."""
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (12, 14))
    colors = int.from_bytes(data[5:7], "little") * -(-data[7] // 8) if data[1] else 0
    return 18 + data[0] + colors + -(-width * data[16] // 8) * height


def walk_sgi(data: bytes, found: Findings) -> None:
    """Look through an SGI file: its name, and the bytes of a sample."""
    if bytes(data[24:104]).strip(b"\0 ") not in (b"", b"no name"):
        found.lose_text(TEXT)
    found.bits = 8 * data[3]


def walk_dds(data: bytes, found: Findings) -> None:
    """Look through a DDS file: smaller copies are harmless, further faces and slices are not."""
    faces = int.from_bytes(data[112:116], "little")
    if faces & 0x200:
        found.pictures = (faces >> 10 & 0x3F).bit_count()
    elif faces & 0x200000:
        found.pictures = max(1, int.from_bytes(data[24:28], "little"))
    if int.from_bytes(data[28:32], "little") > 1:
        found.harmless.append("mipmaps")


def look_at_info(info: dict[Any, Any], found: Findings) -> None:
    """Take in what Pillow shows of a file of a format that has no walker."""
    for name, item in (("icc_profile", "icc"), ("exif", "exif"), ("xmp", "xmp")):
        value = info.get(name)
        if isinstance(value, bytes) and value:
            setattr(found, item, value)
    for key, value in info.items():
        if key in ("comment", "Comment", "id_section", "artist", "author", "name") and value:
            found.lose_text(TEXT)
        elif key not in _HARMLESS_INFO and value:
            found.lose_part(str(key))
