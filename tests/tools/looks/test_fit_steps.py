"""The search for steps, on a made measure and on a tiny model."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.measuring.made_pictures import hills, write_folder
from tools.looks import fit_steps as script
from tools.looks.variants import EQUAL, GROUPS, Steps
from vqzip.codec.codec import load
from vqzip.measuring.analysis.bd_rate import Curve
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR
from vqzip.pictures.picture import Picture

BEST: Steps = (0.5, 0.7, 1.1, 2.0, 0.9, 1.2, 1.5, 1.8)
BY_PSNR = script.Judges((PSNR,), ())


def made_fit(
    _codec: object, _crops: object, _by: object, quality: float, steps: Steps
) -> script.Fit:
    """Bits that are least at the shape of `BEST`, and a value that falls as all steps grow."""
    ratios = [math.log(step / best) for step, best in zip(steps, BEST, strict=True)]
    mean = sum(ratios) / len(ratios)
    loss = sum((ratio - mean) ** 2 for ratio in ratios)
    values = {"psnr": 30.0 - 4 * mean}
    return script.Fit(quality, steps, 0.2, values, {"psnr": 100 * math.expm1(loss)}, loss)


def test_descent_finds_the_best_shape_at_its_quality(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "measured", made_fit)
    crop = script.Crop("a", Picture(hills()), {"psnr": Curve((1.0, 2.0), (25.0, 37.0))})
    descent = script.Descent(load(tiny_model), [crop], BY_PSNR, 4.0, (1.35, 1.15, 1.07))
    before = descent.measure(EQUAL)
    found = descent.run((1.5,) * len(GROUPS))
    assert found.loss < 0.1 * before.loss
    assert found.values["psnr"] == pytest.approx(before.values["psnr"], abs=12 * script.NEAR)


def test_bits_are_compared_at_equal_scores(tiny_model: Path) -> None:
    codec = load(tiny_model)
    picture = Picture(np.ascontiguousarray(hills(64, 64)))
    bpp, values = script.coded(codec, picture, 4.0, (PSNR,))
    rates = (0.5 * bpp, bpp, 2 * bpp)
    curve = Curve(rates, (values["psnr"] - 3, values["psnr"], values["psnr"] + 3))
    judges = script.Judges((PSNR,), (MS_SSIM,))
    crop = script.Crop("a", picture, {"psnr": curve, "ms-ssim": curve})
    same = script.measured(codec, [crop], judges, 4.0, EQUAL)
    assert same.percents["psnr"] == pytest.approx(0, abs=1e-6)
    assert same.bpp == pytest.approx(bpp)
    assert same.loss == pytest.approx(0, abs=1e-8)
    twice = replace(crop, curves={"psnr": Curve(tuple(2 * r for r in rates), curve.quality)})
    found = script.measured(codec, [twice], BY_PSNR, 4.0, EQUAL)
    assert found.percents["psnr"] == pytest.approx(-50)


@pytest.mark.slow
def test_a_whole_run_writes_the_steps(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, out = write_folder(tmp_path / "pictures", 2, 72, 80), tmp_path / "steps.json"
    options = ["--model", str(tiny_model), "--quality", "3,5", "--crops", "2", "--side", "64"]
    options += ["--by", "psnr", "--beside", "", "--factors", "1.3"]
    monkeypatch.setattr(sys, "argv", ["fit_steps.py", str(pictures), *options, "--out", str(out)])
    script.main()
    facts = json.loads(out.read_text())
    assert facts["groups"] == list(GROUPS)
    assert [fit["quality"] for fit in facts["fits"]] == [3.0, 5.0]
    for fit in facts["fits"]:
        assert len(fit["steps"]) == len(GROUPS)
        assert min(fit["steps"]) > 0
        assert math.isfinite(fit["percents"]["psnr"])
