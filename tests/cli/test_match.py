"""`vqzip encode --match`: no worse than another file of the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vqzip
from tools.golden.models import smooth_pixels
from vqzip.cli.app import run
from vqzip.codec.goal import psnr_db, target_like
from vqzip.errors import PictureError, UsageError

PIXELS = smooth_pixels(170, 180, 3)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.png"
    Image.fromarray(PIXELS).save(path)
    return path


def jpeg(tmp_path: Path, quality: int, mode: str = "RGB") -> Path:
    path = tmp_path / f"other{mode}.jpg"
    Image.fromarray(PIXELS).convert(mode).save(path, quality=quality)
    return path


def pixels_of(path: Path) -> NDArray[np.uint8]:
    image = vqzip.open(path) if path.suffix == ".vqz" else Image.open(path)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_file_is_as_good_by_psnr(
    mode: str, original: Path, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    other, out = jpeg(tmp_path, 5, mode), tmp_path / "out.vqz"
    arguments = ["encode", str(original), "-o", str(out), "--match", str(other), "--model", "tiny"]
    assert run(arguments) == 0
    reached, wanted = psnr_db(PIXELS, pixels_of(out)), psnr_db(PIXELS, pixels_of(other))
    assert wanted <= reached


def test_the_target_by_ms_ssim(tmp_path: Path) -> None:
    pytest.importorskip("pytorch_msssim")
    from vqzip.metrics import ms_ssim

    other = pixels_of(jpeg(tmp_path, 20))
    assert target_like(PIXELS, other, by_ms_ssim=True).ms_ssim == ms_ssim(PIXELS, other)


def test_other_pictures_are_refused() -> None:
    with pytest.raises(PictureError, match="180 x 169 pixels"):
        target_like(PIXELS, PIXELS[:-1])
    for same in (PIXELS, PIXELS.copy()):
        with pytest.raises(UsageError, match="has no loss"):
            target_like(PIXELS, same)


def test_hidden_pixels_do_not_count() -> None:
    other = PIXELS.copy()
    other[:50] = 0
    other[60] += 1
    visible = np.ones(PIXELS.shape[:2], bool)
    visible[:50] = False
    hidden, seen = target_like(PIXELS, other, visible), target_like(PIXELS, other)
    assert (hidden.psnr_db or 0) > (seen.psnr_db or 0) + 10


def test_one_goal_at_a_time(original: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", str(original), "-q", "web", "--match", str(original)]) == 2
    assert "-q and --match ask for different things" in capsys.readouterr().err
