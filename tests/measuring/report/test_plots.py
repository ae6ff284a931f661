import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vqzip.errors import UsageError
from vqzip.measuring.report.rd_plot import RdLine, _apart, rd_plot
from vqzip.measuring.report.training_curve import _series, training_curve

LINES = (
    RdLine("photo", (0.1, 0.4, 1.0), (28.0, 33.0, 38.0), is_model=True),
    RdLine("JPEG 4:2:0", (0.2, 0.6, 1.6), (25.0, 30.0, 35.8), is_model=False),
    RdLine("one quality", (0.5,), (31.0,), is_model=True),
    RdLine("lossless", (9.0,), (math.inf,), is_model=False),
)


def test_png_and_svg(tmp_path: Path) -> None:
    png, svg = tmp_path / "psnr.png", tmp_path / "psnr.svg"
    rd_plot(LINES, "PSNR, dB", (png, svg))
    with Image.open(png) as image:
        assert image.width > 1000
        low, high = image.convert("L").getextrema()
        assert low != high
    text = svg.read_text()
    for words in ("photo", "JPEG 4:2:0", "PSNR, dB", "bits per pixel"):
        assert words in text


def test_single_points_are_labeled_beside_themselves(tmp_path: Path) -> None:
    rd_plot(LINES, "PSNR, dB", (tmp_path / "a.svg",))
    text = (tmp_path / "a.svg").read_text()

    def left(label: str) -> float:
        (x,) = re.findall(rf' x="([0-9.]+)"[^>]*>{label}</text>', text)
        return float(x)

    assert left("photo") == left("JPEG 4:2:0")  # in the column at the right
    assert left("one quality") < left("photo")


def test_same_numbers_same_svg(tmp_path: Path) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in paths:
        rd_plot(LINES, "PSNR, dB", (path,))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_pyplot_is_left_alone(tmp_path: Path, without: Callable[[str], None]) -> None:
    without("matplotlib.pyplot")  # importing it would fail
    rd_plot(LINES, "PSNR, dB", (tmp_path / "a.png",))


def test_labels_are_kept_apart() -> None:
    assert _apart([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert _apart([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    assert _apart([0.0, 0.31, 0.33, 0.42], 0.1) == pytest.approx(
        [0.0, 0.2533, 0.3533, 0.4533], abs=1e-3
    )
    assert _apart([], 0.1) == []


ROWS: list[dict[str, object]] = [
    {"phase": "vqvae", "step": 100, "loss": 9.0, "perplexity": 210.0},
    {"phase": "vqvae", "step": 200, "loss": 0.1, "valid_psnr_db": 28.0, "note": "text"},
    {"phase": "prior", "step": 50, "loss": 0.2, "valid_bpp": 0.5},
    {"phase": "prior", "step": 100, "loss": math.nan, "valid_bpp": 0.4},
    {"loss": 1.0},
]


def test_phases_follow_one_another() -> None:
    series, starts = _series(ROWS)
    assert starts == [("vqvae", 0.0), ("prior", 200.0)]
    steps, values = series["loss"]
    assert steps == [100.0, 200.0, 200.0, 250.0]
    assert values == pytest.approx([9.0, 0.1, math.nan, 0.2], nan_ok=True)
    assert series["valid_bpp"] == ([250.0, 300.0], [0.5, 0.4])
    assert "note" not in series


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [{"step": 1}], []])
def test_training_curve_of_whatever_was_logged(
    rows: list[dict[str, object]], tmp_path: Path
) -> None:
    training_curve(rows, tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    assert "step" in text
    assert ("perplexity" in text) == any("perplexity" in row for row in rows)


def test_missing_matplotlib_is_one_sentence(tmp_path: Path, without: Callable[[str], None]) -> None:
    without("matplotlib")
    with pytest.raises(UsageError, match=r"plot needs matplotlib: pip install vqzip\[report\]"):
        rd_plot(LINES, "PSNR, dB", (tmp_path / "a.png",))
