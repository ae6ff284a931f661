from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.measuring.fake_subject import BITS_PER_CODE, FakeSubject
from tests.measuring.made_pictures import hills, write_folder
from vqzip.measuring.anchors.pillow import JPEG, WEBP
from vqzip.measuring.measure import measure
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR
from vqzip.measuring.source_pictures import find_pictures
from vqzip.metrics import mse
from vqzip.pictures.picture import Picture


def test_points_are_those_of_the_files(tmp_path: Path) -> None:
    subject = FakeSubject("fake, effort 1")
    found = measure(subject, find_pictures(write_folder(tmp_path)))
    assert found.settings == (2.0, 4.0)
    assert [(p.picture, p.setting) for p in found.points] == [
        ("below/p1.png", 2.0),
        ("below/p1.png", 4.0),
        ("p0.png", 2.0),
        ("p0.png", 4.0),
    ]
    point = found.points[3]
    coded = subject.encode(Picture(hills(seed=0)), 4.0)
    assert coded.code_lengths is not None
    assert point.codec == "fake, effort 1"
    assert point.payload_bytes == len(coded.data)
    assert point.pixels == 168 * 176
    assert point.rate_bpp == pytest.approx(8 * len(coded.data) / (168 * 176))
    assert point.bits_per_dim == pytest.approx(point.rate_bpp / 3)
    assert point.mse == mse(hills(seed=0), subject.decode(coded.data).pixels)
    assert point.scores["psnr"] == pytest.approx(-10 * np.log10(point.mse))
    assert point.scores["ms-ssim"] is not None
    assert point.code_length_bits == coded.code_lengths.bits
    assert point.codes_equal is True


def test_only_the_metrics_asked_for_are_measured(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    for metric in (PSNR, MS_SSIM):
        (point,) = measure(FakeSubject(), pictures, metrics=[metric], settings=(4.0,)).points
        assert list(point.scores) == [metric.name]


def test_prior_is_held_against_order_0(tmp_path: Path) -> None:
    found = measure(FakeSubject(), find_pictures(write_folder(tmp_path)))
    assert [(level.quality, level.level) for level in found.levels] == [(2.0, 0), (4.0, 0)]
    for level in found.levels:
        assert level.codes == 2 * 3 * 42 * 44
        assert level.prior_bits == BITS_PER_CODE * level.codes
        assert 0 < level.order0_bits < 8 * level.codes
    assert found.overhead is not None
    assert found.overhead.files == 4


def test_codes_that_do_not_come_back_are_seen(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    (point,) = measure(FakeSubject(forgetful=True), pictures, settings=(4.0,)).points
    assert point.codes_equal is False


def test_a_curve_has_two_settings(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    assert not measure(FakeSubject(), pictures, settings=(4.0,)).has_curve
    assert measure(FakeSubject(), pictures, settings=(4.0, 5.0)).has_curve


def test_gray_pictures_have_one_dimension_a_pixel(tmp_path: Path) -> None:
    Image.fromarray(hills()[..., 0]).save(tmp_path / "gray.png")
    for subject in (FakeSubject(), WEBP):
        (point,) = measure(subject, find_pictures(tmp_path), settings=(4.0,)).points
        assert point.bits_per_dim == point.rate_bpp


def test_other_codecs_are_measured_alike(tmp_path: Path) -> None:
    found = measure(JPEG, find_pictures(write_folder(tmp_path)))
    assert found.settings == JPEG.settings
    assert len(found.points) == 2 * len(JPEG.settings)
    coded = JPEG.encode(Picture(hills(seed=0)), 27)
    (point,) = (p for p in found.points if p.picture == "p0.png" and p.setting == 27)
    assert point.payload_bytes == len(coded.data)
    assert point.mse == mse(hills(seed=0), JPEG.decode(coded.data).pixels)
    assert point.code_length_bits == ()
    assert point.codes_equal is None
    assert "optimize=True" in found.description
    assert found.overhead is None
    assert found.levels == ()


def test_progress_counts_every_file(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path))
    seen: list[tuple[int, int, str]] = []

    def note(done: int, total: int, what: str) -> None:
        seen.append((done, total, what))

    measure(FakeSubject(), pictures, progress=note)
    assert [(done, total) for done, total, _ in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert seen[0][2] == "fake 2 below/p1.png"


def test_small_pictures_have_no_ms_ssim(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1, height=64, width=64))
    (point,) = measure(FakeSubject(), pictures, settings=(4.0,)).points
    assert point.scores["ms-ssim"] is None
    assert (point.scores["psnr"] or 0) > 10
