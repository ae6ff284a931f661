"""Time the walk over a picture's codes with a random prior of the `photo` model's size.

    OMP_NUM_THREADS=1 python -m tools.bench.walk --width 768 --height 512

Prints JSON: processor seconds to choose and write codes, to write known ones, and to read; medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from functools import partial

import numpy as np

from tools.prior.random_priors import random_prior
from tools.prior.walks import Picture, draw, read, write, write_from
from vqzip.autoencoders.config import VqvaeConfig, WaveletTransformConfig
from vqzip.codes import GridChoice
from vqzip.hierarchy import GridConfig, LevelConfig
from vqzip.prior.backend import ChosenCodes
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.prior.walk import backend_for
from vqzip.quality import QualityConfig

_STRIDES = (32, 32, 16, 8, 4, 2)
_HIDDEN = (64, 64, 64, 64, 48, 32)
_STATES = (0, 64, 64, 64, 40, 32)
_STAGE_HIDDEN = 32


def photo_like_configs() -> tuple[VqvaeConfig, PriorConfig]:
    """Return six levels, luma coded before chroma."""
    levels = []
    prior_levels = []
    for number, stride in enumerate(_STRIDES):
        groups = 9 if number else 3
        luma = groups // 3
        stages = (
            StageConfig(tuple(range(luma)), _STAGE_HIDDEN),
            StageConfig(tuple(range(luma, groups)), _STAGE_HIDDEN),
        )
        update = (ConvLayerConfig(3, _HIDDEN[number]),) if stride > 2 else ()
        levels.append(LevelConfig(stride, groups, GridConfig()))
        prior_levels.append(
            PriorLevelConfig(_STATES[number], _HIDDEN[number], stages, update, number == 0)
        )
    vqvae = VqvaeConfig(tuple(levels), WaveletTransformConfig(), QualityConfig())
    return vqvae, PriorConfig(tuple(prior_levels), "logistic", gray_stages=1)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument(
        "--scale", type=float, default=7.0, help="scale index around which codes lie"
    )
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    width, height = arguments.width, arguments.height
    prior = random_prior(*photo_like_configs(), middle_scale=arguments.scale)
    picture, backend = Picture(height, width, 24), backend_for(prior)
    codes = draw(prior, _STRIDES, picture, seed=0, temperature=0.7)
    times: dict[str, list[float]] = {"choose": [], "write": [], "read": []}
    for _ in range(arguments.repeats):
        start = time.process_time()
        # Latents at the codes themselves and a low price: what is chosen are the codes.
        choices = [GridChoice(level.astype(np.float32), 1e-6) for level in codes]
        chosen, data, _ = write_from(backend, picture, [partial(ChosenCodes, c) for c in choices])
        times["choose"].append(time.process_time() - start)
        start = time.process_time()
        same = write(backend, picture, codes)[0] == data
        times["write"].append(time.process_time() - start)
        start = time.process_time()
        decoded = read(backend, _STRIDES, picture, data)
        times["read"].append(time.process_time() - start)
    report = {
        "width": width,
        "height": height,
        "bits_per_pixel": len(data) * 8 / width / height,
        "exact": all(np.array_equal(a, b) for a, b in zip(chosen, decoded, strict=True)),
        "known_gives_same_stream": same,
        "processor_seconds": {key: statistics.median(value) for key, value in times.items()},
        "machine": platform.machine(),
        "numpy": np.__version__,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
