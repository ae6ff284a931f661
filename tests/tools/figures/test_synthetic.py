"""The script that codes pictures which are no photographs, with a codec that is no codec."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tools.figures import synthetic


@pytest.fixture(scope="module")
def made() -> dict[str, NDArray[np.uint8]]:
    return {name: np.asarray(picture) for name, picture in synthetic.pictures().items()}


def test_pictures_are_rgb_of_one_size_and_always_the_same(
    made: dict[str, NDArray[np.uint8]],
) -> None:
    assert len(made) == 8
    assert {pixels.shape for pixels in made.values()} == {(384, 512, 3)}
    for name, again in synthetic.pictures().items():
        assert np.array_equal(made[name], np.asarray(again))


def test_flat_pictures_and_gradients(made: dict[str, NDArray[np.uint8]]) -> None:
    assert np.all(made["white"] == 255)
    assert np.all(made["50 % gray"] == 128)
    gradient = made["gradient"]
    assert (gradient[:, 0].max(), gradient[:, -1].min()) == (0, 255)
    assert set(np.diff(gradient[0, :, 1].astype(int))) == {0, 1}
    colors = made["color gradient"]
    assert colors[0, 0].tolist() == [0, 0, 255]
    assert colors[-1, -1].tolist() == [255, 255, 0]


@pytest.mark.parametrize(
    ("name", "side"), [("checkerboard of 1 pixel", 1), ("checkerboard of 8 pixels", 8)]
)
def test_checkerboards(made: dict[str, NDArray[np.uint8]], name: str, side: int) -> None:
    board = made[name][..., 0]
    assert set(np.unique(board)) == {0, 255}
    assert np.array_equal(board[:, side:], 255 - board[:, :-side])
    assert np.array_equal(board[side:], 255 - board[:-side])


def test_noise_has_every_value_and_no_correlation(made: dict[str, NDArray[np.uint8]]) -> None:
    noise = made["white noise"].astype(float)
    assert len(np.unique(noise)) == 256
    red, green = noise[..., 0].ravel(), noise[..., 1].ravel()
    assert abs(np.corrcoef(red, green)[0, 1]) < 0.02
    assert abs(np.corrcoef(red[:-1], red[1:])[0, 1]) < 0.02


def test_screenshot_is_flat_with_edges(made: dict[str, NDArray[np.uint8]]) -> None:
    shot = made["screenshot"].astype(int)
    assert np.mean(np.all(shot[:, 1:] == shot[:, :-1], axis=2)) > 0.8
    assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 50  # the font is smoothed


def as_bytes(picture: Image.Image) -> bytes:
    return picture.tobytes()


def as_picture(data: bytes) -> Image.Image:
    return Image.frombytes("RGB", (512, 384), data)


def darker(data: bytes) -> Image.Image:
    return as_picture(data).point(lambda sample: max(0, sample - 2))


def test_cells_have_bytes_psnr_and_error() -> None:
    white = synthetic.pictures()["white"]
    exact = synthetic.code(white, synthetic.WayToCode("raw", as_bytes, as_picture, True))
    assert exact.cell() == "589,824, exact"
    off = synthetic.code(white, synthetic.WayToCode("dark", as_bytes, darker))
    assert (off.file_bytes, off.largest_error) == (589824, 2)
    assert off.cell() == "589,824, 42.1 dB, 2"  # 20 log10(255 / 2)
    assert synthetic.markdown({"white": [exact, off]}, ["raw", "dark"]) == (
        "| picture | raw | dark |\n"
        "| --- | ---: | ---: |\n"
        "| white | 589,824, exact | 589,824, 42.1 dB, 2 |\n"
    )


def _always(picture: Image.Image) -> Callable[[bytes], Image.Image]:
    return lambda _data: picture


def test_what_does_not_come_back_is_refused() -> None:
    white = synthetic.pictures()["white"]
    with pytest.raises(ValueError, match="lossless, but it is off by 2"):
        synthetic.code(white, synthetic.WayToCode("dark", as_bytes, darker, True))
    for broken in (Image.new("RGB", (512, 383)), Image.new("L", (512, 384))):
        way = synthetic.WayToCode("broken", as_bytes, _always(broken))
        with pytest.raises(ValueError, match="broken gave back"):
            synthetic.code(white, way)


def test_every_way_codes_every_picture(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["synthetic.py", "--model", "vqvae2", "--out", str(tmp_path)])
    monkeypatch.setattr(synthetic, "QUALITIES", (4.0,))
    small = {name: picture.crop((0, 0, 96, 64)) for name, picture in synthetic.pictures().items()}
    monkeypatch.setattr(synthetic, "pictures", lambda: small)
    synthetic.main()
    assert capsys.readouterr().out.count("\n") == 2 + 8
    assert len(list(tmp_path.iterdir())) == 8 * (1 + 5)
