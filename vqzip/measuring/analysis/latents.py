"""What latents mean: traversals, interpolations, a linear probe, and the mutual information gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.models.abilities import HasLatents, Latents, Pixels

BINS = 20
"""Bins of a latent for its mutual information with a factor."""

RIDGE = 1e-2
"""Penalty of a linear probe's weights, for latents of unit deviation."""


def traversal(
    model: HasLatents, picture: Pixels, latents: NDArray[np.intp], values: NDArray[np.float32]
) -> Pixels:
    """Return pictures in which one latent at a time takes other values, `(latents * values, H, W, C)`.

    Args:
        model: of the latents.
        picture: `(1, H, W, C)`, whose other latents stay.
        latents: numbers of the latents, one a row.
        values: of a latent, one a column.
    """
    start = model.latents(picture)
    rows = np.repeat(start, len(latents) * len(values), 0).reshape(len(latents), len(values), -1)
    for row, number in zip(rows, latents, strict=True):
        row[:, number] = values
    return model.pictures_of(rows.reshape(-1, start.shape[1]).astype(np.float32))


def interpolation(model: HasLatents, ends: Pixels, steps: int) -> Pixels:
    """Return pictures on the line between the latents of two pictures, `(steps, H, W, C)`.

    Args:
        model: of the latents.
        ends: `(2, H, W, C)`.
        steps: number of pictures, both ends among them.
    """
    first, last = model.latents(ends)
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return model.pictures_of((1 - share) * first + share * last)


def probe_accuracy(
    train: Latents, labels: NDArray[np.int64], test: Latents, test_labels: NDArray[np.int64]
) -> float:
    """Return the share of right classes of a linear classifier, fitted by ridge regression to one-hot classes."""
    mean, deviation = train.mean(0), train.std(0) + 1e-6

    def inputs(latents: Latents) -> NDArray[np.float64]:
        scaled = (latents - mean) / deviation
        return np.concatenate([scaled, np.ones((len(latents), 1))], 1)

    x, classes = inputs(train), np.unique(labels)
    targets = (labels[:, None] == classes).astype(np.float64)
    penalty = RIDGE * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(x.T @ x + penalty, x.T @ targets)
    return float((classes[(inputs(test) @ weights).argmax(1)] == test_labels).mean())


def mutual_information_gap(latents: Latents, factors: NDArray[np.int64]) -> float:
    """Return the gap between the two latents that say most about a factor (Chen et al. 2018), from 0 to 1.

    Args:
        latents: `(N, D)`.
        factors: `(N, F)` integers, the known factors of each picture.

    Returns:
        The mean over factors of the difference of mutual informations over the factor's entropy.
    """
    gaps = []
    for factor in factors.T:
        informations = np.sort([_information(_binned(z), factor) for z in latents.T])[::-1]
        gaps.append((informations[0] - informations[1]) / _information(factor, factor))
    return float(np.mean(gaps))


def _binned(latent: NDArray[np.float32]) -> NDArray[np.int64]:
    edges = np.linspace(latent.min(), latent.max(), BINS + 1)[1:-1]
    return np.digitize(latent, edges).astype(np.int64)


def _information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return the mutual information of two lists of integers in nats."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1 / len(a))
    independent = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    there = table > 0
    return float((table[there] * np.log(table[there] / independent[there])).sum())
