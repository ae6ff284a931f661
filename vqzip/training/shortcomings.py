"""What a finished model lacks, found in the log of its run and in its curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vqzip.models import folder as model_folder
from vqzip.training.calibrate import CurvePoint
from vqzip.training.phases.optimizing import WARM_UP_STEPS
from vqzip.training.recipe.config import Recipe

HEADING = "Shortcomings:"
"""Of the list in CARD.md."""

LEAST_USED = 0.02
"""Effective number of codewords, as a share of the codebook, below which it has collapsed."""

LARGEST_MISS = 1.25
"""A quality scale misses its sizes if they differ from the recipe's by more than this factor."""


def shortcomings(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], points: Sequence[CurvePoint]
) -> list[str]:
    """Return what a model lacks, a sentence each.

    Args:
        recipe: of the run.
        rows: of its log.
        points: of the model's curve.
    """
    return [*_short_phases(rows), *_codebooks(recipe, rows), *_scale(recipe, points)]


def _short_phases(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    last = {row["phase"]: row["step"] for row in rows}
    return [
        f"Phase {phase} took {step} steps, and its learning rate rises for {WARM_UP_STEPS}: "
        "give it more time or steps, or a smaller batch."
        for phase, step in last.items()
        if step < WARM_UP_STEPS
    ]


def _codebooks(recipe: Recipe, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    learned = [row for row in rows if row["phase"] == "vqvae"]
    if not learned:
        return []
    last = learned[-1]
    if "level0_perplexity" not in last:
        return [
            "The codebooks never started, so they are random: give phase vqvae more time or steps."
        ]
    found = []
    for number, level in enumerate(recipe.vqvae.levels):
        perplexity = last[f"level{number}_perplexity"]
        size = level.quantizer.size
        if size > 1 and perplexity < max(1.5, LEAST_USED * size):
            found.append(
                f"The codebook of level {number} has collapsed: {perplexity:.1f} of {size} codewords "
                "carry its codes; use more continuous_steps, a larger batch or a smaller commitment."
            )
    return found


def _scale(recipe: Recipe, points: Sequence[CurvePoint]) -> list[str]:
    if recipe.vqvae.quality is None or len(points) < 2:
        return []
    wanted = {points[0]: recipe.quality.lowest_bpp, points[-1]: recipe.quality.highest_bpp}
    missed = [
        f"quality {point.quality:g} takes {point.rate_bpp:.2f} instead of {target:g} bpp"
        for point, target in wanted.items()
        if not 1 / LARGEST_MISS <= point.rate_bpp / target <= LARGEST_MISS
    ]
    if not missed:
        return []
    return [
        f"The quality scale could not be fitted: {' and '.join(missed)}; train the prior longer, or set "
        "quality.lowest_bpp and quality.highest_bpp to sizes that such pictures have."
    ]


def read_shortcomings(model: Path) -> tuple[str, ...]:
    """Return the shortcomings that a model's card lists."""
    card = model / model_folder.CARD
    if not card.is_file():
        return ()
    _, heading, rest = card.read_text(encoding="utf-8").partition(f"{HEADING}\n\n")
    lines = rest.split("\n\n")[0].splitlines() if heading else []
    return tuple(line.removeprefix("* ") for line in lines)
