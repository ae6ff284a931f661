"""The model card: what a model is, what it was made from, what it reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

import torch
from torch import nn

import vqzip
from vqzip.autoencoders.discrete import Vqvae
from vqzip.codec.codec import Codec
from vqzip.errors import ModelError
from vqzip.models.learned import load_float_prior
from vqzip.training.calibrate import CurvePoint
from vqzip.training.recipe.config import Recipe
from vqzip.training.run_log import METRICS, read_rows
from vqzip.training.shortcomings import HEADING, shortcomings

CURVE_HEADER = "| quality | bpp | PSNR dB | MS-SSIM |\n|---|---|---|---|\n"


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
        codec: with the finished model, in its folder.
        points: its curve.
        training_pictures: that could be read.
        run_folder: holds the log, which says how long each phase was.
    """
    rows = read_rows(run_folder / METRICS)
    steps = _last_steps(rows)
    lacks = [f"* {sentence}" for sentence in shortcomings(recipe, rows, points)]
    lines = [
        f"# {recipe.name}",
        "",
        recipe.description or "A vqzip model.",
        "",
        f"* Model id: `{codec.model.id.hex()}`",
        f"* Trained for {codec.model.config.metric.upper()}; {_weights(_unfilled(codec)):,} weights "
        f"in the VQ-VAE, {_weights(load_float_prior(codec.model)):,} in the prior.",
        f"* Training: {', '.join(steps) or 'none'}; {training_pictures} pictures; "
        f"seed {recipe.seed}; vqzip {vqzip.__version__}, torch {torch.__version__}.",
        "* Everything the run needs is in `recipe.toml`.",
        "",
        "License: not stated",
        "",
        *([HEADING, "", *lacks, ""] if lacks else []),
        "Means over the validation pictures, from files and decoded 8-bit pictures:",
        "",
        CURVE_HEADER + _curve_rows(points),
    ]
    return "\n".join(lines)


def with_curve(card: str, points: Sequence[CurvePoint]) -> str:
    """Return a card with the rows of another curve in its table, and nothing else changed.

    Raises:
        ModelError: the card does not have that table, or has it twice.
    """
    before, table, after = card.partition(CURVE_HEADER)
    if not table or CURVE_HEADER in after:
        raise ModelError(
            f"a model card must have one table with the header {CURVE_HEADER.splitlines()[0]}; "
            "write it once, above a line of bars."
        )
    rest = dropwhile(lambda line: line.startswith("|"), after.splitlines(keepends=True))
    return before + table + _curve_rows(points) + "".join(rest)


def _curve_rows(points: Sequence[CurvePoint]) -> str:
    return "".join(
        f"| {p.quality:g} | {p.rate_bpp:.3f} | {p.psnr_db:.2f} | "
        f"{'-' if p.ms_ssim is None else format(p.ms_ssim, '.4f')} |\n"
        for p in points
    )


def _unfilled(codec: Codec) -> Vqvae:
    """Return the model's networks without numbers in them."""
    with torch.device("meta"):
        return Vqvae(codec.model.config.vqvae)


def _weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _last_steps(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how long each phase was, from the last row of each in the log."""
    last = {row["phase"]: row for row in rows}
    return [
        f"{phase} {row['step']} steps in {row['seconds'] / 60:.0f} minutes"
        for phase, row in last.items()
    ]
