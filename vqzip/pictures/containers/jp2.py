"""JPEG 2000: the boxes of JP2 (ISO/IEC 15444-1, annex I) and the markers of a codestream (annex A)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vqzip.pictures.containers.boxes import Box, boxes
from vqzip.pictures.containers.findings import IPTC, NOT_SRGB, TEXT, Findings

CODESTREAM = b"\xff\x4f\xff\x51"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID = b"JpgTiffExif->JP2"
_IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_GEO_UUID = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
_HARMLESS = (
    b"jP  ",
    b"ftyp",
    b"rreq",
    b"free",
    b"skip",
    b"pclr",
    b"cmap",
    b"cdef",
    b"res ",
    b"ihdr",
)
_SRGB, _GRAY, _SYCC = 16, 17, 18
_SIZ, _COM, _SOT, _EOC = 0x51, 0x64, 0x90, b"\xff\xd9"
_ENCODERS = re.compile(
    rb"(created by|creator:|kakadu|kdu-|openjpeg|jasper|grok|lead|adobe|photoshop|aware|kodak)",
    re.I,
)
"""How comments begin in which encoders name themselves and their settings."""


def walk_jp2(data: bytes, found: Findings) -> None:
    """Look through a JP2 file or a bare codestream."""
    if data[:4] == CODESTREAM:
        _look_at_codestream(data, found, whole=False)
        return
    streams = 0
    for box in boxes(data):
        if box.kind == b"jp2c":
            streams += 1
            if streams == 1:
                _look_at_codestream(box.content, found, whole=True)
        elif box.kind == b"jp2h":
            for inner in boxes(box.content):
                _look_at_header(inner, found)
        else:
            _look_at(box, found)
    found.pictures = max(1, streams)


def _look_at_header(box: Box, found: Findings) -> None:
    """Note what a box in the header says of samples and colors."""
    content = box.content
    if box.kind == b"ihdr":
        found.bits = max(found.bits, 8 if content[10] == 255 else (content[10] & 0x7F) + 1)
    elif box.kind == b"bpcc":
        found.bits = max([found.bits, *((depth & 0x7F) + 1 for depth in content)])
    elif box.kind == b"colr":
        number = int.from_bytes(content[3:7], "big")
        if content[0] == 1 and number not in (_SRGB, _GRAY, _SYCC):
            found.lose(NOT_SRGB)
        elif content[0] in (2, 3):
            found.icc = found.icc or content[3:]
        elif content[0] != 1:
            found.lose(NOT_SRGB)
    else:
        _look_at(box, found)


def _look_at(box: Box, found: Findings) -> None:
    """Note what any other box holds."""
    kind, content = box.kind, box.content
    if kind == b"uuid" and content[:16] == _XMP_UUID:
        found.xmp = found.xmp or content[16:]
    elif kind == b"uuid" and content[:16] == _EXIF_UUID:
        found.exif = found.exif or content[16:].removeprefix(b"Exif\0\0")
    elif kind == b"uuid" and content[:16] == _IPTC_UUID:
        found.lose_text(IPTC)
    elif kind == b"uuid":
        found.lose_part("GeoJP2" if content[:16] == _GEO_UUID else f"uuid {content[:16].hex()}")
    elif kind == b"xml ":
        if b"adobe:ns:meta/" in content or b"<rdf:RDF" in content:
            found.xmp = found.xmp or content
        else:
            found.lose_part("XML")
    elif kind == b"":
        found.lose_rest(content)
    elif kind in _HARMLESS:
        found.harmless.append(kind.decode("ascii"))
    else:
        found.lose_part(f"{kind.decode('latin-1')} box")


def _look_at_codestream(data: bytes, found: Findings, *, whole: bool) -> None:
    """Note bits, comments, and what follows the end of a bare codestream."""
    for marker, content in _main_header(data):
        if marker == _SIZ:
            count = int.from_bytes(content[34:36], "big")
            depths = content[36 : 36 + 3 * count : 3]
            found.bits = max([found.bits, *((depth & 0x7F) + 1 for depth in depths)])
        elif marker == _COM:
            text = content[2:].strip(b"\0 ")
            if text and not _ENCODERS.match(text):
                found.lose_text(TEXT)
    if not whole:
        end = data.rfind(_EOC)
        found.lose_rest(bytes(data[end + 2 :]) if end > 0 else b"")


def _main_header(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOT:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], bytes(data[at + 4 : at + 2 + size])
        at += 2 + size
