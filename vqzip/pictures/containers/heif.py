"""AVIF and HEIC: items and properties of an ISO base media file (ISO/IEC 23008-12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from vqzip.pictures.color_numbers import from_h273
from vqzip.pictures.containers.boxes import Box, boxes
from vqzip.pictures.containers.findings import DEPTH_MAP, GAIN_MAP, VIDEO, Findings

_HARMLESS = (b"ftyp", b"mdat", b"free", b"skip", b"wide", b"meta", b"moov", b"pdin")
_ALPHA = (b"auxid:1", b"alpha")
_GRAIN_ITEMS = (b"grid", b"iovl", b"iden")
_CODED_ITEMS = (
    b"av01",
    b"hvc1",
    b"hev1",
    b"jpeg",
    b"j2k1",
    b"avc1",
    b"unci",
    b"vvc1",
    *_GRAIN_ITEMS,
)


@dataclass
class _Item:
    """An item of the file."""

    kind: bytes = b""
    name: bytes = b""
    parts: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    properties: list[Box] = field(default_factory=list)


@dataclass
class _Meta:
    """The `meta` box, taken apart."""

    primary: int = 0
    items: dict[int, _Item] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    idat: bytes = b""
    others: list[bytes] = field(default_factory=list)


def walk_heif(data: bytes, found: Findings) -> None:
    """Look through an AVIF or HEIC file."""
    end = 0
    for box in boxes(data):
        end = box.start + len(box.content)
        if box.kind == b"meta":
            meta = _meta(box.content)
            _look_at_items(data, meta, found)
        elif box.kind == b"moov":
            _look_at_tracks(box, found)
        elif box.kind == b"mpvd":
            found.lose(VIDEO)
        elif box.kind == b"":
            found.lose_rest(box.content)
        elif box.kind not in _HARMLESS:
            found.lose_part(f"{box.kind.decode('latin-1')} box")
    found.lose_rest(bytes(data[end:]))


def _meta(content: bytes) -> _Meta:
    meta = _Meta()
    properties: list[Box] = []
    uses: list[tuple[int, list[int]]] = []
    for box in boxes(content, 4):
        body = box.content
        if box.kind == b"pitm":
            meta.primary = int.from_bytes(body[4 : 6 if body[0] == 0 else 8], "big")
        elif box.kind == b"iinf":
            _item_kinds(body, meta)
        elif box.kind == b"iloc":
            _item_places(body, meta)
        elif box.kind == b"iref":
            meta.references = _references(body)
        elif box.kind == b"idat":
            meta.idat = body
        elif box.kind == b"iprp":
            for inner in boxes(body):
                if inner.kind == b"ipco":
                    properties = list(boxes(inner.content))
                elif inner.kind == b"ipma":
                    uses += _property_uses(inner.content)
        elif box.kind not in (b"hdlr", b"grpl", b"free", b"dinf"):
            meta.others.append(box.kind)
    for number, indices in uses:
        item = meta.items.setdefault(number, _Item())
        item.properties += [properties[i - 1] for i in indices if 0 < i <= len(properties)]
    return meta


def _item_kinds(body: bytes, meta: _Meta) -> None:
    wide = body[0] != 0
    for box in boxes(body, 8 if wide else 6):
        entry = box.content
        if box.kind != b"infe" or entry[0] < 2:
            continue
        size = 2 if entry[0] == 2 else 4
        number = int.from_bytes(entry[4 : 4 + size], "big")
        item = meta.items.setdefault(number, _Item())
        at = 4 + size + 2
        item.kind = entry[at : at + 4]
        # A name, then the type of what is not a picture.
        item.name = b" ".join(entry[at + 4 :].split(b"\0")[1:]).strip()


def _item_places(body: bytes, meta: _Meta) -> None:
    version = body[0]
    sizes = body[4] >> 4, body[4] & 15, body[5] >> 4, body[5] & 15 if version else 0
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(body[at - size : at], "big")

    for _ in range(number(2 if version < 2 else 4)):
        item = meta.items.setdefault(number(2 if version < 2 else 4), _Item())
        item.in_idat = bool(version and number(2) & 15 == 1)
        number(2)
        base = number(sizes[2])
        for _ in range(number(2)):
            number(sizes[3])
            offset, length = base + number(sizes[0]), number(sizes[1])
            item.parts.append((offset, length))


def _references(body: bytes) -> list[tuple[bytes, int, tuple[int, ...]]]:
    width = 2 if body[0] == 0 else 4
    found = []
    for box in boxes(body, 4):
        content = box.content
        source = int.from_bytes(content[:width], "big")
        targets = content[width + 2 :]
        numbers = range(0, len(targets) - width + 1, width)
        found.append(
            (
                box.kind,
                source,
                tuple(int.from_bytes(targets[i : i + width], "big") for i in numbers),
            )
        )
    return found


def _property_uses(body: bytes) -> list[tuple[int, list[int]]]:
    wide_id, wide_index = body[0] != 0, body[3] & 1
    at, uses = 8, []
    for _ in range(int.from_bytes(body[4:8], "big")):
        size = 4 if wide_id else 2
        number = int.from_bytes(body[at : at + size], "big")
        count = body[at + size]
        at += size + 1
        step = 2 if wide_index else 1
        mask = 0x7FFF if wide_index else 0x7F
        indices = [
            int.from_bytes(body[at + i * step : at + (i + 1) * step], "big") & mask
            for i in range(count)
        ]
        uses.append((number, indices))
        at += count * step
    return uses


def _look_at_items(data: bytes, meta: _Meta, found: Findings) -> None:
    """Note colors of the primary picture, its metadata, and items that are not kept."""
    parts = {meta.primary}
    while True:
        more = {
            target
            for kind, source, targets in meta.references
            if kind == b"dimg" and source in parts
            for target in targets
        }
        if more <= parts:
            break
        parts |= more
    if meta.items.get(meta.primary, _Item()).kind == b"tmap":
        found.lose(GAIN_MAP)
    for number in parts:
        _look_at_properties(meta.items.get(number, _Item()).properties, found)
    av1 = [
        box.content
        for n in parts
        for box in meta.items.get(n, _Item()).properties
        if box.kind == b"av1C"
    ]
    found.monochrome = bool(av1) and all(content[2] & 0x10 for content in av1)
    thumbnails = {source for kind, source, _ in meta.references if kind == b"thmb"}
    tiles_of = {t: s for kind, s, ts in meta.references if kind == b"dimg" for t in ts}
    for number, item in meta.items.items():
        if number in parts or number in thumbnails:
            continue
        if tiles_of.get(number, number) not in (number, meta.primary):
            # A part of another picture, which is noted itself.
            continue
        _look_at_item(data, item, meta, found)
    for kind in meta.others:
        found.lose_part(f"{kind.decode('latin-1')} box")


def _look_at_properties(properties: list[Box], found: Findings) -> None:
    for box in properties:
        content = box.content
        if box.kind == b"colr" and content[:4] in (b"prof", b"rICC"):
            found.icc = found.icc or content[4:]
        elif box.kind == b"colr" and content[:4] == b"nclx":
            primaries = int.from_bytes(content[4:6], "big")
            # The range of samples is the decoder's to follow.
            found.numbers = from_h273(primaries, int.from_bytes(content[6:8], "big"))
        elif box.kind == b"av1C":
            found.bits = max(
                found.bits, 12 if content[2] & 0x20 else 10 if content[2] & 0x40 else 8
            )
        elif box.kind == b"hvcC":
            found.bits = max(found.bits, 8 + (content[17] & 7))


def _look_at_item(data: bytes, item: _Item, meta: _Meta, found: Findings) -> None:
    """Note an item that is not part of the primary picture."""
    auxiliary = [box.content[4:].lower() for box in item.properties if box.kind == b"auxC"]
    if item.kind == b"Exif":
        content = _content(data, item, meta)
        start = 4 + int.from_bytes(content[:4], "big")
        found.exif = found.exif or content[start:].removeprefix(b"Exif\0\0") or None
    elif item.kind == b"mime" and b"rdf+xml" in item.name:
        found.xmp = found.xmp or _content(data, item, meta) or None
    elif item.kind == b"tmap" or any(b"gainmap" in name for name in auxiliary):
        found.lose(GAIN_MAP)
    elif any(name.rstrip(b"\0").endswith(_ALPHA) for name in auxiliary):
        found.harmless.append("alpha")
    elif any(b"depth" in name or b"auxid:2" in name for name in auxiliary):
        found.lose(DEPTH_MAP)
    elif auxiliary:
        found.lose("an auxiliary picture")
    elif item.kind in _CODED_ITEMS:
        found.pictures += 1
    elif item.kind:
        name = item.kind.decode("latin-1")
        found.lose_part(f"{name} {item.name.decode('latin-1')}")


def _content(data: bytes, item: _Item, meta: _Meta) -> bytes:
    source = meta.idat if item.in_idat else data
    return b"".join(bytes(source[start : start + size]) for start, size in item.parts)


def _look_at_tracks(moov: Box, found: Findings) -> None:
    """Count the frames of picture sequences, and note videos and sounds."""
    for track in boxes(moov.content):
        if track.kind == b"udta" or track.kind == b"meta":
            found.lose_part("metadata of a sequence")
        if track.kind != b"trak":
            continue
        handler, frames = _track(track.content)
        if handler == b"pict":
            found.pictures = max(found.pictures, frames)
        elif handler != b"auxv":
            found.lose(VIDEO if handler == b"vide" else f"a track of {handler.decode('latin-1')}")


def _track(content: bytes) -> tuple[bytes, int]:
    """Return the kind of a track and its number of samples."""
    handler, frames = b"", 0
    pending = [content]
    while pending:
        for box in boxes(pending.pop()):
            if box.kind in (b"mdia", b"minf", b"stbl"):
                pending.append(box.content)
            elif box.kind == b"hdlr" and not handler:
                handler = box.content[8:12]
            elif box.kind in (b"stsz", b"stz2"):
                frames = int.from_bytes(box.content[8:12], "big")
    return handler, frames
