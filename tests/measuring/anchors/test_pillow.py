import importlib.util
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, features

from tests.measuring.made_pictures import hills
from vqzip.errors import PictureError, UsageError
from vqzip.measuring.anchors.avif import AVIF
from vqzip.measuring.anchors.heif import HEIC
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.anchors.known import ANCHORS, find_anchor, without_missing_plugins
from vqzip.measuring.anchors.pillow import JPEG, JPEG2000, PillowAnchor
from vqzip.metrics import mse, psnr_db
from vqzip.pictures.picture import Picture


def installed(name: str) -> PillowAnchor:
    try:
        return find_anchor(name)
    except UsageError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [anchor.name for anchor in ANCHORS])
@pytest.mark.parametrize("gray", [False, True])
def test_higher_settings_are_larger_and_better(name: str, gray: bool) -> None:
    anchor = installed(name)
    pixels = hills(96, 128)[..., 0] if gray else hills(96, 128)
    sizes, qualities = [], []
    for setting in (anchor.settings[0], anchor.settings[-1]):
        data = anchor.encode(Picture(pixels), setting).data
        sizes.append(len(data))
        qualities.append(psnr_db(mse(pixels, anchor.decode(data).pixels)))
    assert sizes[0] < sizes[1]
    assert qualities[0] + 1 < qualities[1]


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda anchor: anchor.name)
def test_settings_rise(anchor: PillowAnchor) -> None:
    assert list(anchor.settings) == sorted(set(anchor.settings))


def test_jpeg_is_optimized_and_subsampled() -> None:
    picture = Picture(hills())
    data = JPEG.encode(picture, 50).data
    assert data[:2] == b"\xff\xd8"
    assert b"\x01\x22\x00\x02\x11\x01\x03\x11\x01" in data  # luma sampled 2 x 2 against chroma
    plain = replace(JPEG, options={"subsampling": "4:2:0"})
    assert len(data) < len(plain.encode(picture, 50).data)


def test_jpeg2000_has_the_color_transform() -> None:
    anchor = installed("jpeg2000")
    pixels = np.repeat(hills()[..., :1], 3, 2)  # equal channels: all the gain there is
    with_transform = anchor.decode(anchor.encode(Picture(pixels), 0.6).data).pixels

    def plain_options(image: Image.Image, setting: float) -> dict[str, object]:
        return {**JPEG2000.setting_options(image, setting), "mct": 0}

    without = replace(JPEG2000, setting_options=plain_options)
    plain = anchor.decode(without.encode(Picture(pixels), 0.6).data).pixels
    assert mse(pixels, with_transform) < mse(pixels, plain)


def test_avif_tunes_differ() -> None:
    picture = Picture(hills())
    files = {name: installed(name).encode(picture, 40).data for name in ("avif", "avif-psnr")}
    assert files["avif"] != files["avif-psnr"]


def test_versions_and_options_are_named() -> None:
    assert "libjpeg" in JPEG.library.version()
    described = installed("avif").describe()
    assert described.startswith("libavif ")
    assert described.endswith("; speed=6, subsampling=4:2:0, max_threads=1, tune=iq")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no anchor 'gif'; choose from jpeg, webp, avif"):
        find_anchor("gif")


@pytest.mark.parametrize(("name", "module"), [("heic", "pillow_heif"), ("jxl", "pillow_jxl")])
def test_missing_plugin_is_one_sentence(
    name: str, module: str, without: Callable[[str], None]
) -> None:
    without(module)
    with pytest.raises(UsageError, match=r"pip install vqzip\[anchors\]"):
        find_anchor(name)


def test_missing_encoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(UsageError, match="built without AVIF"):
        find_anchor("avif")


def test_refused_option_is_one_sentence() -> None:
    strange = replace(installed("avif"), options={"advanced": (("tune", "beauty"),)})
    with pytest.raises(UsageError, match="refuses the options of the anchor 'avif'"):
        strange.check_installed()


def test_picture_that_a_format_cannot_hold() -> None:
    with pytest.raises(PictureError, match="webp cannot code a picture of 20000 x 2"):
        installed("webp").encode(Picture(np.zeros((2, 20000, 3), np.uint8)), 50)


def test_anchors_whose_plugin_is_missing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    assert without_missing_plugins(JPEG, JXL, AVIF) in (("jpeg", "jxl", "avif"), ("jpeg", "avif"))
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pillow_jxl" else found("json")
    )
    assert without_missing_plugins(JPEG, JXL, HEIC) == ("jpeg", "heic")
