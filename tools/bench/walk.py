"""Time the walk over a picture's codes with a random prior of the `photo` model's size.

    OMP_NUM_THREADS=1 python -m tools.bench.walk --width 768 --height 512

Prints JSON: processor seconds to encode step by step, to encode known codes, and to decode;
medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time

import numpy as np

from tools.prior.random_priors import random_prior
from vqzip.configs import (
    ConvLayerConfig,
    GridConfig,
    LevelConfig,
    PriorConfig,
    PriorLevelConfig,
    QualityConfig,
    StageConfig,
    VqvaeConfig,
    WaveletTransformConfig,
)
from vqzip.prior.choosers import KnownCodes
from vqzip.prior.exact import ExactPrior
from vqzip.prior.streams import Sampler, StreamDecoder, StreamEncoder
from vqzip.prior.walk import CodeSource

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


def pass_levels(
    prior: ExactPrior, width: int, height: int, source: CodeSource
) -> tuple[list[np.ndarray], list[float]]:
    """Walk every level; return codes and seconds a level."""
    codes, seconds, state = [], [], None
    for level, stride in enumerate(_STRIDES):
        start = time.process_time()
        shape = (-(-height // stride), -(-width // stride))
        codes.append(prior.walk(level, shape, state, source, quality_step=24, gray=False))
        state = prior.advance(level, codes[-1], state, quality_step=24, gray=False)
        seconds.append(time.process_time() - start)
    return codes, seconds


def pass_known(prior: ExactPrior, codes: list[np.ndarray], source: CodeSource) -> None:
    """Show known codes to a source."""
    state = None
    for level, known in enumerate(codes):
        prior.walk_known(level, known, state, source, quality_step=24, gray=False)
        state = prior.advance(level, known, state, quality_step=24, gray=False)


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
    codes, _ = pass_levels(prior, width, height, Sampler(np.random.default_rng(0), 0.7))
    times: dict[str, list[float]] = {"encode": [], "encode_known": [], "decode": []}
    levels = []
    for _ in range(arguments.repeats):
        start = time.process_time()
        encoder = StreamEncoder(KnownCodes(codes))
        pass_levels(prior, width, height, encoder)
        data = encoder.finish()
        times["encode"].append(time.process_time() - start)
        start = time.process_time()
        known = StreamEncoder(KnownCodes(codes))
        pass_known(prior, codes, known)
        same = known.finish() == data
        times["encode_known"].append(time.process_time() - start)
        start = time.process_time()
        decoder = StreamDecoder(data)
        decoded, seconds = pass_levels(prior, width, height, decoder)
        decoder.finish()
        times["decode"].append(time.process_time() - start)
        levels.append(seconds)
    report = {
        "width": width,
        "height": height,
        "bits_per_pixel": len(data) * 8 / width / height,
        "exact": all(np.array_equal(a, b) for a, b in zip(codes, decoded, strict=True)),
        "known_gives_same_stream": same,
        "processor_seconds": {key: statistics.median(value) for key, value in times.items()},
        "decode_seconds_by_level": [
            statistics.median(level) for level in zip(*levels, strict=True)
        ],
        "machine": platform.machine(),
        "numpy": np.__version__,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
