"""XMP packets as text: turned upright, without thumbnails, without entries about parts that are gone.

What is not taken out stays as it is, byte for byte.
"""

from __future__ import annotations

import re

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)([1-8])")
_THUMBNAILS = (b"xmp:Thumbnails", b"xap:Thumbnails")
_GAIN_MAP_SPACE = b"http://ns.adobe.com/hdr-gain-map/1.0/"
_GONE_SPACES = (
    _GAIN_MAP_SPACE,
    *(b"http://ns.google.com/photos/1.0/" + name for name in (b"container/", b"container/item/")),
    *(b"http://ns.google.com/photos/1.0/" + name for name in (b"camera/", b"image/", b"audio/")),
    *(b"http://ns.google.com/photos/1.0/" + name for name in (b"depthmap/", b"focus/")),
    *(
        b"http://ns.google.com/photos/dd/1.0/" + name
        for name in (b"container/", b"item/", b"device/")
    ),
    b"http://ns.apple.com/HDRGainMap/1.0/",
    b"http://ns.apple.com/pixeldatainfo/1.0/",
    b"http://ns.apple.com/depthData/1.0/",
)
"""Namespaces that speak of other parts of the file: gain and depth maps, videos, second pictures."""
_GONE_NAMES = ((b"http://ns.adobe.com/xmp/note/", (b"HasExtendedXMP",)),)
_DECLARED = re.compile(rb"xmlns:([\w.-]+)\s*=\s*[\"']([^\"']*)[\"']")


def xmp_orientation(xmp: bytes) -> int | None:
    """Return the orientation that a packet states, 1 to 8, None if it states none."""
    match = _ORIENTATION.search(xmp)
    return int(match[2]) if match else None


def names_gain_map(xmp: bytes) -> bool:
    """Return whether a packet speaks of a gain map in the same file."""
    return _GAIN_MAP_SPACE in xmp or b"ns.apple.com/HDRGainMap" in xmp


def kept_xmp(xmp: bytes) -> bytes:
    """Return a packet as it fits the upright picture alone."""
    for name in _THUMBNAILS:
        xmp = _without_elements(xmp, name)
    prefixes = _DECLARED.findall(xmp)
    for prefix, space in prefixes:
        if space in _GONE_SPACES:
            xmp = _without_prefix(xmp, prefix)
        for gone_space, names in _GONE_NAMES:
            if space == gone_space:
                for name in names:
                    xmp = _without_property(xmp, prefix + b":" + name)
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def _without_prefix(xmp: bytes, prefix: bytes) -> bytes:
    """Take out all properties of a namespace, then its declarations."""
    named = re.compile(rb"[\s<](" + re.escape(prefix) + rb":[\w.-]+)[\s=/>]")
    while match := named.search(xmp):
        shorter = _without_property(xmp, match[1])
        if shorter == xmp:
            return xmp
        xmp = shorter
    return re.sub(rb"\s+xmlns:" + re.escape(prefix) + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", b"", xmp)


def _without_property(xmp: bytes, name: bytes) -> bytes:
    xmp = re.sub(rb"\s+" + re.escape(name) + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", b"", xmp)
    return _without_elements(xmp, name)


def _without_elements(xmp: bytes, name: bytes) -> bytes:
    """Take out all elements of a name with what is in them; one that does not end stays."""
    tag = re.compile(rb"<(/?)" + re.escape(name) + rb"(?=[\s/>])[^<>]*?(/?)>")
    at = 0
    while opened := tag.search(xmp, at):
        depth, end = 0, opened.end()
        for match in tag.finditer(xmp, opened.start()):
            depth += 0 if match[2] else -1 if match[1] else 1
            end = match.end()
            if depth <= 0:
                break
        if depth or opened[1]:
            at = opened.end()
            continue
        xmp = xmp[: opened.start()] + xmp[end:]
    return xmp
