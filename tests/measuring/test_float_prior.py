import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import safetensors.torch
import torch

from tests.support.made_codes import made_codes
from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.config import ConvTransformConfig, VqvaeConfig, WaveletTransformConfig
from vqzip.codes import Codes
from vqzip.errors import ModelError
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.measuring import float_prior
from vqzip.measuring.float_prior import BothPriors, load_both, prior_lengths, total_lengths
from vqzip.models.config import ModelConfig
from vqzip.models.folder import Model
from vqzip.models.places import write_sums
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.export.float_to_integer import export_prior
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.quality import QualityConfig

GRIDS = VqvaeConfig(
    (LevelConfig(32, 3, GridConfig()), LevelConfig(16, 9, GridConfig())),
    WaveletTransformConfig(),
    QualityConfig(),
)
LOGISTIC = PriorConfig(
    (
        PriorLevelConfig(
            0, 8, (StageConfig((0,), 8), StageConfig((1, 2), 8)), (ConvLayerConfig(3, 8),), True
        ),
        PriorLevelConfig(4, 8, (StageConfig((0, 1, 2), 8), StageConfig(tuple(range(3, 9)), 8))),
    ),
    "logistic",
    gray_stages=1,
)
CODEBOOK = VqvaeConfig(
    (LevelConfig(16, 2, CodebookConfig(size=8, dim=4)),), ConvTransformConfig(), None
)
CATEGORICAL = PriorConfig(
    (PriorLevelConfig(0, 8, (StageConfig((0,), 8), StageConfig((1,), 8))),),
    "categorical",
    embedding=4,
)


def made_priors(vqvae: VqvaeConfig, prior: PriorConfig) -> BothPriors:
    trained = PixelCnn(vqvae, prior, torch.Generator().manual_seed(3)).eval()
    exact = ExactPrior.from_tensors(vqvae, prior, export_prior(trained, vqvae))
    return BothPriors(vqvae, trained, exact)


def random_codes(vqvae: VqvaeConfig, width: int, height: int, quality: float = 3.0) -> Codes:
    rng = np.random.default_rng(5)
    levels = []
    for level in vqvae.levels:
        shape = (level.groups, 1, -(-height // level.stride), -(-width // level.stride))
        if isinstance(level.quantizer, CodebookConfig):
            codes = rng.integers(level.quantizer.size, size=shape)
        else:
            codes = np.rint(rng.laplace(0, 1.5, shape))
        levels.append(codes.astype(np.int32))
    return made_codes(levels, quality=quality)


@pytest.mark.parametrize(("vqvae", "prior"), [(GRIDS, LOGISTIC), (CODEBOOK, CATEGORICAL)])
def test_integers_cost_about_what_floats_do(vqvae: VqvaeConfig, prior: PriorConfig) -> None:
    codes = random_codes(vqvae, 512, 256, 3.0 if vqvae.quality else 1.0)
    lengths = made_priors(vqvae, prior).lengths(codes)
    for level, length in zip(codes.levels, lengths, strict=True):
        assert length.codes == level.size
        assert length.float_bits > level.size
        assert abs(length.excess_percent) < 1
        assert length.integer_bits == pytest.approx(
            length.float_bits * (1 + length.excess_percent / 100)
        )


def test_whole_context_tiles_alone_are_measured() -> None:
    priors = made_priors(GRIDS, LOGISTIC)
    codes = random_codes(GRIDS, 530, 300)
    cut = [
        np.ascontiguousarray(level[..., : 256 // config.stride, : 512 // config.stride])
        for level, config in zip(codes.levels, GRIDS.levels, strict=True)
    ]
    measured = priors.lengths(codes)
    assert measured == priors.lengths(replace(codes, levels=tuple(cut)))
    assert [length.codes for length in measured] == [3 * 8 * 16, 9 * 16 * 32]


def test_a_picture_without_a_whole_tile_counts_nothing() -> None:
    priors = made_priors(GRIDS, LOGISTIC)
    for length in priors.lengths(random_codes(GRIDS, 512, 200)):
        assert (length.codes, length.float_bits, length.integer_bits) == (0, 0.0, 0.0)
        assert math.isnan(length.excess_percent)


def test_batches_do_not_change_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    priors = made_priors(GRIDS, LOGISTIC)
    codes = random_codes(GRIDS, 512, 512)
    together = priors.lengths(codes)
    monkeypatch.setattr(float_prior, "_BATCH", 1)
    alone = priors.lengths(codes)
    for a, b in zip(together, alone, strict=True):
        assert a.float_bits == pytest.approx(b.float_bits, rel=1e-5)
        assert a.integer_bits == b.integer_bits


def test_a_gray_picture_has_the_length_of_its_luma_codes() -> None:
    priors = made_priors(GRIDS, LOGISTIC)
    codes = random_codes(GRIDS, 256, 256)
    for level in codes.levels:
        level[len(level) // 3 :] = 0
    gray = priors.lengths(replace(codes, gray=True))
    color = priors.lengths(codes)
    for a, b in zip(gray, color, strict=True):
        assert abs(a.excess_percent) < 1
        assert a.float_bits < b.float_bits


def test_totals_weigh_bits() -> None:
    total = total_lengths([prior_lengths(2, 10.0, 11.0), prior_lengths(3, 30.0, 31.0)])
    assert (total.codes, total.float_bits, total.integer_bits) == (5, 40.0, 42.0)
    assert total.excess_percent == pytest.approx(5.0)


def test_float_prior_comes_from_the_model_folder(tmp_path: Path) -> None:
    made = made_priors(GRIDS, LOGISTIC)
    config, networks = ModelConfig("made", GRIDS, LOGISTIC), cast(Autoencoder, None)
    model = Model("made", tmp_path, bytes(32), config, networks, made.exact)
    with pytest.raises(ModelError, match="install it again"):
        load_both(model)
    safetensors.torch.save_file(made.trained.state_dict(), tmp_path / "prior.safetensors")
    write_sums(tmp_path, ["prior.safetensors"])
    codes = random_codes(GRIDS, 256, 256)
    loaded = load_both(model)
    expected = made.lengths(codes)
    assert loaded.lengths(codes) == expected
