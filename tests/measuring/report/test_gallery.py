"""The pictures on a report's page: which files are kept, and how they are stored."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.measuring.fake_subject import FakeSubject
from tests.measuring.made_pictures import hills, write_folder
from vqzip.codec.codec import load
from vqzip.measuring.anchors.pillow import JPEG
from vqzip.measuring.measure import measure
from vqzip.measuring.report.gallery import MOST_SIDE, Gallery
from vqzip.measuring.report.images import fitted, gray_map, stored
from vqzip.measuring.source_pictures import find_pictures
from vqzip.measuring.subject import ModelSubject


def opened(address: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Gallery:
    pictures = find_pictures(write_folder(tmp_path_factory.mktemp("pictures")))
    kept = Gallery.of([source.name for source in pictures])
    model = ModelSubject(load(tiny_model), qualities=(1.0, 4.0, 6.0))
    for subject in (model, JPEG):
        measure(subject, pictures, seen=kept.take)
    return kept


def test_files_of_equal_size_are_beside_each_other(gallery: Gallery) -> None:
    names: list[str] = []
    first = gallery.pictures(lambda _done, _all, name: names.append(name))[0]
    assert names == ["below/p1.png", "p0.png"]
    labels = [view["label"] for view in first["views"]]
    assert labels[:2] == ["original", "tiny (4)"]
    assert labels[2].startswith("JPEG 4:2:0 (")
    model, jpeg = (
        int(view["note"].split(" bytes")[0].replace(",", "")) for view in first["views"][1:]
    )
    other = [8 * jpeg / model, model / jpeg]
    assert min(other) > 0.3
    assert first["views"][2]["source"].startswith("data:image/jpeg;base64,")
    assert opened(first["views"][1]["source"]).size == (first["width"], first["height"])


def test_levels_have_pictures_bits_and_places(gallery: Gallery) -> None:
    levels = gallery.pictures(lambda *_: None)[0]["levels"]
    assert [part["stride"] for part in levels["parts"]] == [8, 8, 4, 2]
    for part in levels["parts"]:
        heat = np.asarray(opened(part["heat"]), np.float64)
        density = (heat / 248) ** 2 * part["most"] * part["stride"] ** 2
        assert density.sum() == pytest.approx(part["bits"], rel=0.2, abs=20)


def test_other_subjects_have_no_levels(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path))
    kept = Gallery.of([source.name for source in pictures])
    measure(FakeSubject(), pictures, seen=kept.take)
    assert [picture["levels"] for picture in kept.pictures(lambda *_: None)] == [None, None]
    assert kept.without(["p0.png"]).names == ["below/p1.png"]


def test_many_pictures_are_spread_over_24() -> None:
    names = [f"{number}.png" for number in range(60)]
    assert len(Gallery.of(names).names) == 24
    assert Gallery.of(names).names[0] == "0.png"


def test_large_pictures_show_their_middle(tmp_path: Path) -> None:
    Image.fromarray(hills(40, 2000)).save(tmp_path / "wide.png")
    kept = Gallery.of(["wide.png"])
    measure(JPEG, find_pictures(tmp_path), seen=kept.take, settings=(40.0,))
    (shown,) = kept.pictures(lambda *_: None)
    assert (shown["width"], shown["height"]) == (MOST_SIDE, 40)
    assert all(opened(view["source"]).size == (MOST_SIDE, 40) for view in shown["views"])


def test_pictures_fit_their_share() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    large, small = fitted(noise, 1e9), fitted(noise, 30_000)
    assert len(small) < 0.6 * len(large)
    assert np.array_equal(np.asarray(opened(gray_map(noise[:, :, 0]))), noise[:, :, 0])


def test_formats_that_browsers_do_not_show_are_not_stored() -> None:
    assert stored(b"\x89VQZ\x01") is None
    assert (stored(b"\xff\xd8\xff\xe0") or "").startswith("data:image/jpeg")
