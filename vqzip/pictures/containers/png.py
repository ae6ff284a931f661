"""PNG: its chunks (W3C PNG, third edition) and what follows the last one."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from vqzip.pictures.color_numbers import ColorNumbers, from_h273
from vqzip.pictures.containers.findings import IPTC, TEXT, Findings
from vqzip.pictures.containers.photoshop import walk_resources
from vqzip.pictures.limits import MAX_ITEM_BYTES

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_HARMLESS = frozenset(
    # Resolution, layout, histograms, backgrounds, times; hints for speed; the light of a display.
    {b"pHYs", b"oFFs", b"sBIT", b"hIST", b"bKGD", b"sPLT", b"tIME", b"sTER", b"vpAg", b"iDOT"}
    | {b"sRGB", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"acTL", b"fcTL", b"fdAT", b"gIFg"}
)
_TECHNICAL_KEYS = frozenset({"software", "creation time", "date:create", "date:modify"})
_TECHNICAL_KEYS |= {"date:timestamp", "date:timestamp:utc", "create-date", "modify-date"}
_TECHNICAL_PREFIXES = ("png:", "thumb::")
_RAW = "raw profile type "
_RAW_EXIF, _RAW_XMP = ("exif", "app1"), ("xmp",)
_RAW_ICC, _RAW_IPTC, _RAW_PHOTOSHOP = ("icc", "icm"), ("iptc",), ("8bim", "photoshop")
XMP_KEY = "xml:com.adobe.xmp"


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield kind, content and end of every chunk up to IEND, or to where the file is damaged."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + size
        if end > len(data):
            return
        kind = bytes(data[at + 4 : at + 8])
        yield kind, bytes(data[at + 8 : end - 4]), end
        if kind == b"IEND":
            return
        at = end


def walk_png(data: bytes, found: Findings) -> None:
    """Look through a PNG file."""
    texts: list[tuple[str, bytes]] = []
    kept, seen = [data[: len(SIGNATURE)]], set()
    gamma: float | None = None
    numbers = ColorNumbers()
    start = end = len(SIGNATURE)
    frames = 0
    for kind, content, end in chunks(data):
        if kind in _PIXEL_CHUNKS and not (kind == b"tRNS" and b"PLTE" not in seen):
            kept.append(data[start:end])
        start = end
        if kind == b"IHDR":
            found.bits, found.monochrome = content[8], not content[9] & 2
        elif kind == b"tRNS" and b"PLTE" not in seen:
            found.key = tuple(
                int.from_bytes(content[at : at + 2], "big") for at in range(0, len(content) - 1, 2)
            )
        elif kind == b"gAMA":
            gamma = 100000 / max(1, int.from_bytes(content[:4], "big"))
        elif kind == b"cHRM":
            points = [int.from_bytes(content[at : at + 4], "big") / 1e5 for at in range(0, 32, 4)]
            numbers = ColorNumbers(tuple(points[2:]), (points[0], points[1]))
        elif kind == b"acTL":
            # A picture that stands before the first frame is not one of the frames.
            frames = int.from_bytes(content[:4], "big") + 1
        elif kind == b"fcTL" and b"IDAT" not in seen:
            frames -= 1
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.append(_text(kind, content, found))
        else:
            _look_at(kind, content, found)
        seen.add(kind)
    found.pictures = max(found.pictures, frames)
    if not found.numbers_first and b"sRGB" not in seen and seen & {b"gAMA", b"cHRM"}:
        found.numbers = with_gamma(numbers, gamma)
    look_at_texts(texts, found)
    if b"IEND" in seen:
        found.pixel_file = b"".join(kept)
        found.lose_rest(bytes(data[end:]))


def with_gamma(numbers: ColorNumbers, gamma: float | None) -> ColorNumbers:
    """Return primaries with an exponent, None if there is none."""
    numbers = ColorNumbers(numbers.primaries, numbers.white, gamma)
    # The curve of sRGB is written as 1 / 2.2, and is not quite that.
    if gamma is not None and numbers.is_srgb(gray=True):
        return ColorNumbers(numbers.primaries, numbers.white)
    return numbers


def _look_at(kind: bytes, content: bytes, found: Findings) -> None:
    """Note what a chunk holds that has neither pixels nor text."""
    if kind == b"iCCP":
        _, _, packed = content.partition(b"\0")
        found.icc = _inflated(packed[1:], found, "a damaged ICC profile")
    elif kind == b"eXIf":
        found.exif = content.removeprefix(b"Exif\0\0")
    elif kind == b"cICP" and len(content) == 4:
        found.numbers = from_h273(content[0], content[1], full_range=content[3] == 1)
        found.numbers_first = True
    elif kind in _HARMLESS:
        found.harmless.append(kind.decode("ascii"))
    elif kind not in _PIXEL_CHUNKS:
        found.lose_part(f"{kind.decode('latin-1')} chunk")


def _text(kind: bytes, content: bytes, found: Findings) -> tuple[str, bytes]:
    """Return keyword and text of a chunk of text."""
    keyword, _, rest = content.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return name, rest
    if kind == b"zTXt":
        return name, _inflated(rest[1:], found, TEXT) or b""
    packed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[-1]
    return name, (_inflated(text, found, TEXT) or b"") if packed else text


def _inflated(packed: bytes, found: Findings, what: str) -> bytes | None:
    """Return what was deflated, None if it is damaged, which is noted.

    More than a .vqz file can hold is cut, which its reader notices.
    """
    try:
        inflater = zlib.decompressobj()
        whole = inflater.decompress(packed, MAX_ITEM_BYTES + 1)
    except zlib.error:
        found.lose_text(what)
        return None
    if not inflater.eof and len(whole) <= MAX_ITEM_BYTES:
        found.lose_text(what)
        return None
    return whole


def look_at_texts(texts: list[tuple[str, bytes]], found: Findings) -> None:
    """Take metadata out of texts, and note texts that people wrote."""
    written = []
    for name, text in texts:
        key = name.strip().lower()
        if key.startswith(_RAW):
            _look_at_raw(key.removeprefix(_RAW).strip(), text, found)
        elif key == XMP_KEY:
            found.xmp = text
        elif key in _TECHNICAL_KEYS or key.startswith(_TECHNICAL_PREFIXES) or not text.strip():
            found.harmless.append(f"text {key}")
        else:
            written.append((key, text))
    for key, text in written:
        if _is_repeated(key, text, found):
            found.harmless.append(f"text {key}")
        else:
            found.lose_text(TEXT)


def _look_at_raw(kind: str, text: bytes, found: Findings) -> None:
    """Take in a profile that was written as text, in lines of hexadecimal digits.

    ImageMagick and exiftool write it like this: a blank line, a name, the length, the digits.
    """
    match = re.match(rb"\s*\S+\s+(\d+)\s", text)
    try:
        raw = bytes.fromhex(text[match.end() :].decode("ascii")) if match else b""
    except ValueError:
        raw = b""
    if not raw or match is None or int(match[1]) > len(raw):
        found.lose_text(IPTC if kind in _RAW_IPTC else f"a damaged {kind[:20]} profile")
        return
    if kind in _RAW_ICC:
        found.icc = found.icc or raw
    elif kind in _RAW_EXIF and raw.startswith((b"Exif\0\0", b"II*\0", b"MM\0*")):
        found.exif = found.exif or raw.removeprefix(b"Exif\0\0")
    elif kind in (*_RAW_XMP, *_RAW_EXIF) and b"<" in raw[:2000]:
        found.xmp = found.xmp or raw[raw.index(b"<") :]
    elif kind in _RAW_PHOTOSHOP:
        walk_resources(raw.removeprefix(b"Photoshop 3.0\0"), found)
    elif kind in _RAW_IPTC:
        walk_resources(raw, found) if raw.startswith(b"8BIM") else found.lose_text(IPTC)
    else:
        found.lose_part(f"profile {kind}")


def _is_repeated(key: str, text: bytes, found: Findings) -> bool:
    """Return whether a text only repeats what ImageMagick found in metadata that is kept."""
    prefix = key.partition(":")[0]
    if ":" not in key:
        return False
    if prefix == "exif":
        return found.exif is not None
    if prefix == "icc":
        return found.icc is not None
    return found.xmp is not None and text.strip() in found.xmp
