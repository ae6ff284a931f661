"""XMP packets after the parts that they speak of are gone: well-formed, and silent about them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from vqzip.pictures.containers.xmp import kept_xmp, names_gain_map, xmp_orientation

FRONT = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
END = b"</rdf:RDF></x:xmpmeta>"
CAMERA = b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
NOTE = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
KEPT = b'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def packet(attributes: bytes, inside: bytes = b"") -> bytes:
    return FRONT + b"<rdf:Description " + attributes + b">" + inside + b"</rdf:Description>" + END


GONE = {
    "attributes": packet(CAMERA + b' GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'),
    "single quotes": packet(CAMERA.replace(b'"', b"'") + b" GCamera:MicroVideoOffset='4711'"),
    "elements": packet(CAMERA, b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto>"),
    "empty elements": packet(CAMERA, b'<GCamera:Special rdf:resource="x"/>'),
    "another prefix": packet(CAMERA.replace(b"GCamera", b"g"), b"<g:MotionPhoto>1</g:MotionPhoto>"),
    "elements in elements": packet(
        CAMERA, b"<GCamera:A><rdf:Seq><rdf:li><GCamera:A/></rdf:li></rdf:Seq></GCamera:A>"
    ),
    "extended XMP": packet(NOTE + b' xmpNote:HasExtendedXMP="0123"'),
}


@pytest.mark.parametrize("name", GONE)
def test_entries_about_parts_that_are_gone_leave_the_packet(name: str) -> None:
    whole = (
        GONE[name]
        .replace(b"</rdf:Description>", b"<dc:title>Hills</dc:title></rdf:Description>")
        .replace(b"<rdf:Description ", b"<rdf:Description " + KEPT + b" ")
    )
    kept = kept_xmp(whole)
    ET.fromstring(kept)  # noqa: S314  (made here)
    assert b"<dc:title>Hills</dc:title>" in kept
    for gone in (b"MotionPhoto", b"MicroVideo", b"HasExtendedXMP", b"Special", b"A>"):
        assert gone not in kept


def test_what_is_not_gone_stays_byte_for_byte() -> None:
    whole = packet(KEPT, b"<dc:title>GCamera:MotionPhoto</dc:title>")
    assert kept_xmp(whole) == whole


@pytest.mark.parametrize("tail", [b"", b"<GCamera:A>", b"<GCamera:A", b"</GCamera:A>"])
def test_damaged_packets_are_survived(tail: bytes) -> None:
    kept_xmp(packet(CAMERA, tail))
    kept_xmp(packet(CAMERA, tail)[:-30])


def test_gain_maps_and_orientations_are_seen() -> None:
    assert names_gain_map(packet(b'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/"'))
    assert not names_gain_map(packet(KEPT))
    assert xmp_orientation(b'tiff:Orientation="6"') == 6
    assert xmp_orientation(b"<tiff:Orientation>3</tiff:Orientation>") == 3
    assert xmp_orientation(packet(KEPT)) is None
