"""Train the model without loss.

    python -m tools.lossless.train --data LOSSLESS --reduced OTHERS --out models/exact

`--data` are folders of pictures that were never JPEG files; parts of them are enlarged and get noise, too. `--reduced`
are folders of pictures that are reduced to half first, which removes traces of JPEG. It takes about half an hour of one
core for 80 megapixels.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from tools.lossless.contexts import Contexts, collect, enlarged, halved, joined, unchanged
from tools.lossless.network import PixelNetwork, code_length_bits
from vqzip.families.family import write_stored
from vqzip.families.pixels import PixelsConfig
from vqzip.pictures.find import picture_files
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.spec import FEATURES
from vqzip.prior.pixels.tables import make_tables

BATCH = 2048
FIRST_WEIGHTS = Path(__file__).with_name("first_weights.json")
"""Of predictors: averages over the training pictures, at stride 16 and stride 1, plane by plane."""


def first_weights() -> np.ndarray:
    """Return the weights that predictors begin with, `(2, 3, 28)`."""
    found = json.loads(FIRST_WEIGHTS.read_text(encoding="utf-8"))
    weights = np.zeros((2, 3, 28), np.int64)
    for level, planes in enumerate(found):
        for plane, row in enumerate(planes):
            weights[level, plane, : len(row)] = row
    return weights


def fit(contexts: Contexts, hidden: tuple[int, int], epochs: float, seed: int) -> PixelNetwork:
    """Return a network that was trained on the samples of a plane."""
    torch.manual_seed(seed)
    network = PixelNetwork(contexts.features.shape[1], hidden)
    tensors = [
        torch.from_numpy(values)
        for values in (
            contexts.features,
            contexts.prediction,
            contexts.expected,
            contexts.sample.astype(np.int32),
        )
    ]
    count = len(contexts.sample)
    steps = int(epochs * count / BATCH)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 6e-3, total_steps=steps + 1, pct_start=0.1
    )
    mean_bits = 0.0
    for step in range(steps):
        chosen = torch.randint(0, count, (BATCH,))
        features, prediction, expected, sample = (tensor[chosen].float() for tensor in tensors)
        loss = code_length_bits(network(features), prediction, expected, sample).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean_bits += (loss.item() - mean_bits) * (0.01 if step else 1)
        if step % 500 == 499:
            sys.stderr.write(f"step {step + 1} of {steps}: {mean_bits:.4f} bits\n")
    return network


def blank_prior(hidden: tuple[int, int]) -> tuple[PixelPrior, dict[str, np.ndarray]]:
    """Return a prior whose networks know nothing, and its tables."""
    tables = {**make_tables(), "first_weights": first_weights()}
    networks = {}
    for plane, features in enumerate(FEATURES):
        networks.update(PixelNetwork(features, hidden).to_tensors(f"planes.{plane}"))
    return PixelPrior.from_tensors({**tables, **networks}, hidden), tables


def main() -> None:
    """Train and write a model folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--reduced", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hidden", type=int, nargs=2, default=(32, 24))
    parser.add_argument("--share", type=float, default=0.045)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started, hidden = time.time(), tuple(given.hidden)
    torch.set_num_threads(1)
    prior, tables = blank_prior(hidden)
    parts = []
    for folders, changes in ((given.data, (unchanged, enlarged)), (given.reduced, (halved,))):
        paths = [path for folder in folders for path in picture_files(folder)]
        parts += [
            collect(paths, prior, change, share=given.share, seed=given.seed)
            for change in changes
            if paths
        ]
    tensors = dict(tables)
    for plane, sets in enumerate(zip(*parts, strict=True)):
        network = fit(joined(sets), hidden, given.epochs, given.seed)
        tensors.update(network.to_tensors(f"planes.{plane}"))
    PixelPrior.from_tensors(tensors, hidden)
    write_stored(given.out, PixelsConfig(given.out.name, hidden), tensors)
    sys.stderr.write(f"{given.out}: {(time.time() - started) / 60:.0f} minutes\n")


if __name__ == "__main__":
    main()
