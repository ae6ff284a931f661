"""TIFF: its tags (TIFF 6.0 and later supplements). What describes the picture becomes EXIF."""

from __future__ import annotations

from vqzip.pictures.containers.findings import IPTC, NOT_SRGB, TIFF_TAGS, Findings
from vqzip.pictures.containers.ifd import Directories, Entry, Tree, write_tree
from vqzip.pictures.containers.photoshop import walk_resources

ICC, XMP, IPTC_TAG, PHOTOSHOP, SUB_IFDS = 34675, 700, 33723, 34377, 330
_LAYERS = 37724
_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274
_TRANSFER, _WHITE_POINT, _PRIMARIES = 301, 318, 319
LAYOUT = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279),
        *(280, 281, 282, 283, 284, 286, 287, 288, 289, 290, 291, 292, 293, 296, 297, 317),
        *(320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340, 341, 342, 347),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559, 34016, 34675),
    }
)
"""How pixels are stored, resolution, what compression needs: decoded or without meaning afterwards."""
DESCRIPTIVE = frozenset(
    {
        *(269, 270, 271, 272, 285, 305, 306, 315, 316, 333, 337, 32995, 33432),
        *(18246, 18249, 40091, 40092, 40093, 40094, 40095),
        # GeoTIFF and GDAL.
        *(33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113, 50844),
        # Names of documents and scans, calibrated colors, annotations, times, cameras.
        *(_TRANSFER, _WHITE_POINT, _PRIMARIES, 32932, 33434, 33437, 34850, 34855, 36867),
        *(37386, 37510, 50827, 50708, 50735, 51123, 65000),
    }
)
"""Tags that speak of the picture and not of its file: they are kept in EXIF, unchanged."""
_ELSEWHERE = frozenset({ICC, XMP, IPTC_TAG, PHOTOSHOP, SUB_IFDS, _LAYERS})
_POINTERS = frozenset({400, 50740, 34908, 34909})
_OFFSET_KINDS = (13, 16, 17, 18)
"""Directories, and the 64-bit numbers of BigTIFF, for which EXIF has no place."""
LARGEST_UNKNOWN_BYTES = 1 << 16


def walk_tiff(data: bytes, found: Findings) -> None:
    """Look through a TIFF file."""
    directories = Directories(data)
    pages = directories.chain()
    found.pictures = max(1, len(pages))
    first = directories.first
    tags = {entry.tag: entry for entry in directories.entries(first)}
    bits = tags.get(_BITS)
    found.bits = max((int(number) for number in bits.numbers), default=8) if bits else 8
    found.white_is_zero = _PHOTOMETRIC in tags and tags[_PHOTOMETRIC].first == 0
    found.icc = tags[ICC].value if ICC in tags else None
    found.xmp = tags[XMP].value if XMP in tags else None
    _look_at_others(tags, found)
    found.exif = _descriptive(directories, first, found)
    if directories.damaged(first):
        found.lose_text(TIFF_TAGS)


def _look_at_others(tags: dict[int, Entry], found: Findings) -> None:
    """Note tags that are not kept."""
    if PHOTOSHOP in tags:
        walk_resources(tags[PHOTOSHOP].value, found)
    if IPTC_TAG in tags:
        found.lose_text(IPTC)
    if SUB_IFDS in tags:
        found.pictures += tags[SUB_IFDS].count
    if _LAYERS in tags:
        found.lose("layers")
    if found.icc is None and {_TRANSFER, _WHITE_POINT, _PRIMARIES} & set(tags):
        found.lose(NOT_SRGB)


def _descriptive(directories: Directories, first: int, found: Findings) -> bytes | None:
    """Return the tags that describe the picture as EXIF, None if there are none.

    Tags that are not known may point to places in the file: they are kept where they are small and
    say nothing of the kind.
    """
    whole = directories.tree(first)
    others = tuple(entry for entry in whole.entries if entry.tag not in LAYOUT | _ELSEWHERE)
    kept = tuple(entry for entry in others if _can_be_kept(entry))
    if kept != others:
        found.lose_text(TIFF_TAGS)
    tree = Tree(kept, whole.below)
    if not tree.entries and not tree.below:
        return None
    return write_tree(tree, directories.order)


def _can_be_kept(entry: Entry) -> bool:
    if entry.kind in _OFFSET_KINDS or entry.tag in _POINTERS:
        return False
    return entry.tag in DESCRIPTIVE or len(entry.value) <= LARGEST_UNKNOWN_BYTES
