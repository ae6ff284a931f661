"""The prior equals a twin in plain loops over Python integers."""

import numpy as np
import pytest

from tests.exact_prior.random_priors import codebook_configs, grid_configs, random_prior
from tests.exact_prior.reference_prior import ReferencePrior
from tests.exact_prior.walks import Picture, Recorder, walk_all
from vqzip.coding.frequencies import counts_from_logits
from vqzip.coding.streams import Sampler
from vqzip.configs import PriorConfig, VqvaeConfig


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("configs", [grid_configs(), codebook_configs()], ids=["grid", "codebook"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (300, 450)])
def test_prior_equals_the_reference(
    configs: tuple[VqvaeConfig, PriorConfig], height: int, width: int, gray: bool
) -> None:
    vqvae, config = configs
    prior = random_prior(vqvae, config, seed=3)
    picture = Picture(height, width, vqvae.quality_steps // 2, gray)
    gray_mode = gray and config.gray_stages > 0
    reference = ReferencePrior(
        vqvae,
        config,
        prior.to_tensors(),
        condition=picture.quality_step + gray_mode * vqvae.quality_steps,
        coded_stages=config.gray_stages if gray_mode else 99,
    )
    recorder = Recorder(Sampler(np.random.default_rng(4), 1.0))
    strides = tuple(level.stride for level in vqvae.levels)
    maps = walk_all(prior, strides, picture, recorder)
    state = np.zeros((*maps[0].shape[1:], 0), np.int64)
    for level, int32_codes in enumerate(maps):
        codes = int32_codes.astype(np.int64)
        asked = recorder.of_level(level)
        seen = 0
        for i in range(codes.shape[1]):
            for j in range(codes.shape[2]):
                outputs = reference.outputs(level, codes, state, i, j)
                for stage, out in zip(config.levels[level].stages, outputs, strict=False):
                    size = len(stage.channels)
                    for g, channel in enumerate(stage.channels):
                        seen += 1
                        if config.head == "logistic":
                            base16 = reference.base16(level, codes, i, j, channel)
                            mean16 = max(-(2**20), min(2**20, out[g])) + base16
                            expected = [mean16, max(0, min(63, out[size + g]))]
                        else:
                            logits = np.array(out, np.int64).reshape(size, -1)[g]
                            expected = counts_from_logits(logits).tolist()
                        assert asked[channel, i, j] == expected
        assert seen == len(asked)
        if level + 1 < len(maps):
            state = reference.advance(level, codes, state)
