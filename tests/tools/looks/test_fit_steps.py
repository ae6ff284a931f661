"""The search for steps, on a made measure and on a tiny model."""

import json
import math
import sys
from pathlib import Path

import pytest

from tests.measuring.made_pictures import write_folder
from tools.looks import fit_steps as script
from tools.looks.variants import EQUAL, GROUPS, Steps
from vqzip.codec.codec import load
from vqzip.measuring.metrics import jod
from vqzip.measuring.metrics.metric import Pair
from vqzip.measuring.metrics.pixels import PSNR

BEST: Steps = (0.5, 0.7, 1.1, 2.0, 0.9, 1.2, 1.5, 1.8)


def made_fit(_codec: object, _crops: object, quality: float, steps: Steps) -> script.Fit:
    """Bits that are least at the shape of `BEST`, and a JOD that falls as all steps grow."""
    ratios = [math.log(step / best) for step, best in zip(steps, BEST, strict=True)]
    mean = sum(ratios) / len(ratios)
    percent = sum((ratio - mean) ** 2 for ratio in ratios)
    return script.Fit(quality, steps, 100 * percent, 0.2, 9.0 - 0.8 * mean)


def test_descent_finds_the_best_shape_at_its_quality(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "measured", made_fit)
    descent = script.Descent(load(tiny_model), [], 4.0)
    start = descent.measure(EQUAL)
    found = descent.run(EQUAL, target_jod=9.0)
    assert found.percent < 0.1 * start.percent
    assert found.jod == pytest.approx(9.0, abs=0.05)


@pytest.mark.slow
def test_a_whole_run_writes_the_steps(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_jod(pair: Pair) -> float:
        return (PSNR.score(pair) or 0) / 5  # rises with quality, as JOD does

    monkeypatch.setattr(jod, "score", made_jod)
    monkeypatch.setattr(script, "FACTORS", (1.3,))
    pictures, out = write_folder(tmp_path / "pictures", 2, 72, 80), tmp_path / "steps.json"
    options = ["--model", str(tiny_model), "--quality", "3,5", "--crops", "2", "--side", "64"]
    monkeypatch.setattr(sys, "argv", ["fit_steps.py", str(pictures), *options, "--out", str(out)])
    script.main()
    facts = json.loads(out.read_text())
    assert facts["groups"] == list(GROUPS)
    assert [fit["quality"] for fit in facts["fits"]] == [3.0, 5.0]
    for fit in facts["fits"]:
        assert len(fit["steps"]) == len(GROUPS)
        assert min(fit["steps"]) > 0
        assert math.isfinite(fit["percent"])
