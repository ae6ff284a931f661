from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from tests.measuring.fake_codec import BITS_PER_CODE, FakeCodec, FakeEncoded, FakeModel, config
from tests.measuring.made_pictures import hills, write_folder
from vqzip.configs import QualityConfig
from vqzip.measuring.anchors import find_anchor
from vqzip.measuring.rd_curve import (
    WHOLE_QUALITIES,
    MeasuredCodec,
    default_qualities,
    measure_anchor,
    measure_model,
    own_metric,
)
from vqzip.measuring.source_pictures import find_pictures
from vqzip.metrics import mse
from vqzip.pictures.picture import Picture


def test_model_points_are_those_of_the_files(tmp_path: Path) -> None:
    codec: MeasuredCodec = FakeCodec()
    pictures = find_pictures(write_folder(tmp_path))
    found = measure_model(codec, pictures, qualities=(2.0, 4.0), label="fake, effort 4")
    assert found.settings == (2.0, 4.0)
    assert [(p.picture, p.setting) for p in found.points] == [
        ("below/p1.png", 2.0),
        ("below/p1.png", 4.0),
        ("p0.png", 2.0),
        ("p0.png", 4.0),
    ]
    point = found.points[3]
    encoded = FakeCodec().encode_picture(Picture(hills(seed=0)), quality=4.0)
    decoded = FakeCodec().decode_picture(encoded.data)
    assert point.codec == "fake, effort 4"
    assert point.payload_bytes == len(encoded.data)
    assert point.pixels == 168 * 176
    assert point.rate_bpp == pytest.approx(8 * len(encoded.data) / (168 * 176))
    assert point.bits_per_dim == pytest.approx(point.rate_bpp / 3)
    assert point.mse == mse(hills(seed=0), decoded.pixels)
    assert point.psnr_db == pytest.approx(-10 * np.log10(point.mse))
    assert point.ms_ssim is not None
    assert point.code_length_bits == encoded.code_length_bits
    assert point.codes_equal is True


def test_prior_is_held_against_order_0(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path))
    found = measure_model(FakeCodec(), pictures, qualities=(2.0, 4.0))
    assert [(level.quality, level.level) for level in found.levels] == [(2.0, 0), (4.0, 0)]
    for level in found.levels:
        assert level.codes == 2 * 3 * 42 * 44
        assert level.prior_bits == BITS_PER_CODE * level.codes
        assert 0 < level.order0_bits < 8 * level.codes
    assert found.overhead is not None
    assert found.overhead.files == 4


def test_codes_that_do_not_come_back_are_seen(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    found = measure_model(FakeCodec(forgetful=True), pictures, qualities=(4.0,))
    assert found.points[0].codes_equal is False


def test_default_qualities(tmp_path: Path) -> None:
    assert default_qualities(FakeCodec().model.config) == WHOLE_QUALITIES
    single = FakeCodec(FakeModel("single", config(None)))
    pictures = find_pictures(write_folder(tmp_path, count=1))
    assert len(measure_model(single, pictures, qualities=(1.0, 2.0)).points) == 1


@dataclass(frozen=True)
class SearchingCodec(FakeCodec):
    """Says that it coded at an eighth more than it was asked for, as effort 9 may."""

    def encode_picture(self, picture: Picture, *, quality: float, effort: int = 4) -> FakeEncoded:
        encoded = super().encode_picture(picture, quality=quality, effort=effort)
        return replace(encoded, quality=quality + 1 / 8)


def test_points_are_at_the_quality_asked_for(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    found = measure_model(SearchingCodec(), pictures, qualities=(2.0, 4.0), effort=9)
    assert found.settings == (2.0, 4.0)
    assert [point.setting for point in found.points] == [2.0, 4.0]
    assert [level.quality for level in found.levels] == [2.125, 4.125]


def test_a_curve_has_two_settings(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1))
    assert not measure_model(FakeCodec(), pictures, qualities=(4.0,)).has_curve
    assert measure_model(FakeCodec(), pictures, qualities=(4.0, 5.0)).has_curve


@pytest.mark.parametrize(("trained_for", "metric"), [("psnr", "psnr"), ("ms-ssim", "ms_ssim")])
def test_models_are_judged_by_what_they_were_trained_for(
    tmp_path: Path, trained_for: Literal["psnr", "ms-ssim"], metric: str
) -> None:
    model = FakeModel("fake", replace(config(QualityConfig()), metric=trained_for))
    assert own_metric(model) == metric
    pictures = find_pictures(write_folder(tmp_path, count=1))
    measured = measure_model(FakeCodec(model), pictures, qualities=(4.0,))
    assert measured.own_metric == metric


def test_gray_pictures_have_one_dimension_a_pixel(tmp_path: Path) -> None:
    Image.fromarray(hills()[..., 0]).save(tmp_path / "gray.png")
    pictures = find_pictures(tmp_path)
    (point,) = measure_model(FakeCodec(), pictures, qualities=(4.0,)).points
    assert point.bits_per_dim == point.rate_bpp
    (point,) = measure_anchor(find_anchor("webp"), pictures, settings=(50,)).points
    assert point.bits_per_dim == point.rate_bpp


def test_anchor_points_are_those_of_the_files(tmp_path: Path) -> None:
    anchor = find_anchor("jpeg")
    pictures = find_pictures(write_folder(tmp_path))
    found = measure_anchor(anchor, pictures)
    assert found.settings == anchor.settings
    assert len(found.points) == 2 * len(anchor.settings)
    data = anchor.encode(Image.fromarray(hills(seed=0)), 27)
    (point,) = (p for p in found.points if p.picture == "p0.png" and p.setting == 27)
    assert point.payload_bytes == len(data)
    assert point.mse == mse(hills(seed=0), np.asarray(anchor.decode(data)))
    assert point.code_length_bits == ()
    assert point.codes_equal is None
    assert "optimize=True" in found.description
    assert found.overhead is None


def test_progress_counts_every_file(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path))
    seen: list[tuple[int, int, str]] = []

    def note(done: int, total: int, what: str) -> None:
        seen.append((done, total, what))

    measure_model(FakeCodec(), pictures, qualities=(2.0, 4.0), progress=note)
    assert [(done, total) for done, total, _ in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert seen[0][2] == "fake q2 below/p1.png"
    seen.clear()
    measure_anchor(find_anchor("jpeg"), pictures, settings=(50,), progress=note)
    assert seen[-1] == (2, 2, "jpeg 50 p0.png")


def test_small_pictures_have_no_ms_ssim(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path, count=1, height=64, width=64))
    (point,) = measure_model(FakeCodec(), pictures, qualities=(4.0,)).points
    assert point.ms_ssim is None
    assert point.psnr_db > 10
