"""Likelihoods of models of any family on one set of pictures, with their other facts, as one table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vqzip.errors import CodingError
from vqzip.measuring.report.tables import Table, number
from vqzip.models.abilities import (
    CompressesSets,
    Draw,
    Named,
    Reconstructs,
    Samples,
    Score,
    Scores,
    scoring,
)
from vqzip.models.places import identity_files, read_file
from vqzip.models.training_facts import training_facts
from vqzip.pictures.sets import PictureSet

SAMPLED = 16
"""Pictures that are sampled to measure the time of one."""

WHAT = {
    "exact": "exact",
    "bound": "upper bound",
    "file": "size of files",
}
"""What a number of bits is, in words."""


@dataclass(frozen=True)
class LikelihoodRow:
    """One model on one set.

    Args:
        name: of the model or format.
        kind: what the bits are: `exact`, `bound` or `file`.
        bits_per_dim: mean over all samples of all pictures.
        nats_per_picture: mean over pictures.
        mse: of reconstructions, on samples in [0, 1]; None for models without latents.
        weights: numbers in the files of the model; None for formats.
        training_s: seconds of training; None if not known.
        score_s: seconds a picture.
        sample_s: seconds a picture; None for models that do not sample.
    """

    name: str
    kind: str
    bits_per_dim: float
    nats_per_picture: float
    mse: float | None = None
    weights: int | None = None
    training_s: float | None = None
    score_s: float | None = None
    sample_s: float | None = None


def measure_likelihood(
    model: Named, pictures: PictureSet, folder: Path | None = None, *, seed: int = 0
) -> LikelihoodRow:
    """Measure a model, or a format that scores by files.

    Args:
        model: one that scores.
        pictures: of the model's size.
        folder: of the model; None for a format.
        seed: of what bounds and samples draw at random.

    Raises:
        UsageError: the model does not score.
        PictureError: the pictures have another size than the model's.
    """
    labels = None if pictures.labels is None else pictures.labels.tolist()
    start = time.perf_counter()
    score = scoring(model).score(pictures.pixels, labels=labels, seed=seed)
    score_s = (time.perf_counter() - start) / len(pictures.pixels)
    facts = None if folder is None else training_facts(folder)
    return LikelihoodRow(
        name=model.name,
        kind=score.kind,
        bits_per_dim=score.bits_per_dim(pictures.pixels),
        nats_per_picture=float(score.bits.mean() * np.log(2)),
        mse=_error(model, pictures),
        weights=None if folder is None else weight_count(folder),
        training_s=None if facts is None else facts.seconds,
        score_s=score_s,
        sample_s=_seconds_a_sample(model, seed),
    )


def measure_set_file(model: CompressesSets, pictures: PictureSet) -> LikelihoodRow:
    """Measure one file of all pictures, which must come back exactly.

    Raises:
        CodingError: they do not.
    """
    start = time.perf_counter()
    data = model.encode_set(pictures.pixels)
    seconds = (time.perf_counter() - start) / len(pictures.pixels)
    if not np.array_equal(model.decode_set(data), pictures.pixels):
        raise CodingError(f"the pictures do not come back from the file of '{model.name}'.")
    score = Score(np.full(len(pictures.pixels), 8 * len(data) / len(pictures.pixels)), "file")
    return LikelihoodRow(
        name=f"{model.name}, one file",
        kind="file",
        bits_per_dim=score.bits_per_dim(pictures.pixels),
        nats_per_picture=float(score.bits.mean() * np.log(2)),
        score_s=seconds,
    )


def likelihood_table(rows: Sequence[LikelihoodRow], title: str) -> Table:
    """Return the table of all models, the fewest bits first."""
    header = (
        "model", "bits/dim", "nats a picture", "are", "MSE", "weights", "training, s", "score, s", "sample, s",
    )  # fmt: skip
    return Table(
        title,
        header,
        tuple(
            (
                row.name,
                number(row.bits_per_dim, 3),
                number(row.nats_per_picture, 1),
                WHAT[row.kind],
                number(row.mse, 5),
                "-" if row.weights is None else f"{row.weights:,}",
                number(row.training_s, 0),
                number(row.score_s, 4),
                number(row.sample_s, 4),
            )
            for row in sorted(rows, key=lambda row: row.bits_per_dim)
        ),
    )


def weight_count(folder: Path) -> int:
    """Return how many numbers the weights of a model folder have.

    Raises:
        ModelError: a file is missing.
    """
    count = 0
    for name in identity_files(folder):
        if name.endswith(".safetensors"):
            data = read_file(folder, name)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            shapes = [one["shape"] for key, one in header.items() if key != "__metadata__"]
            count += sum(int(np.prod(shape)) for shape in shapes)
    return count


def _error(model: Scores | Named, pictures: PictureSet) -> float | None:
    if not isinstance(model, Reconstructs):
        return None
    difference = model.reconstruct(pictures.pixels).astype(np.float64) - pictures.pixels
    return float(np.square(difference / 255).mean())


def _seconds_a_sample(model: Named, seed: int) -> float | None:
    if not isinstance(model, Samples):
        return None
    start = time.perf_counter()
    model.sample(Draw(count=SAMPLED, seed=seed))
    return (time.perf_counter() - start) / SAMPLED
