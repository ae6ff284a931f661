"""The model card: what a model is, what it was made from, what it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

import vqzip
from vqzip.codec import Codec
from vqzip.training.calibrate import CurvePoint
from vqzip.training.recipe import Recipe
from vqzip.training.run_log import METRICS, read_rows


def model_card(
    recipe: Recipe,
    codec: Codec,
    points: Sequence[CurvePoint],
    training_pictures: int,
    run_folder: Path,
) -> str:
    """Return the text of `CARD.md`; what cannot be known here is left for its author to add.

    Args:
        recipe: of the run.
        codec: with the finished model.
        points: its curve.
        training_pictures: that could be read.
        run_folder: holds the log, which says how long each phase was.
    """
    steps = _last_steps(run_folder / METRICS)
    rows = [
        f"| {p.quality:g} | {p.rate_bpp:.3f} | {p.psnr_db:.2f} | "
        f"{'-' if p.ms_ssim is None else format(p.ms_ssim, '.4f')} |"
        for p in points
    ]
    lines = [
        f"# {recipe.name}",
        "",
        recipe.description or "A vqzip model.",
        "",
        f"* Model id: `{codec.model.id.hex()}`",
        f"* Training: {', '.join(steps) or 'none'}; {training_pictures} pictures; "
        f"seed {recipe.seed}; vqzip {vqzip.__version__}, torch {torch.__version__}.",
        "* Everything the run needs is in `recipe.toml`.",
        "",
        "Licence: not stated",
        "",
        "Means over the validation pictures, from files and decoded 8-bit pictures:",
        "",
        "| quality | bpp | PSNR dB | MS-SSIM |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _last_steps(log: Path) -> list[str]:
    """Return how long each phase was, from the last row of each in the log."""
    last = {row["phase"]: row for row in read_rows(log)}
    return [
        f"{phase} {row['step']} steps in {row['seconds'] / 60:.0f} minutes"
        for phase, row in last.items()
    ]
