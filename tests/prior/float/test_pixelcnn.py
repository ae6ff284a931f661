"""The float prior: the same function as the integers that are made from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tools.prior.walks import Picture, parameters_of
from vqzip.autoencoders.config import ConvTransformConfig, VqvaeConfig, WaveletTransformConfig
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.prior import spec
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.export.float_to_integer import condition_inputs, export_prior
from vqzip.prior.float.dense import activation
from vqzip.prior.float.grids import logistic_parameters, magnitude_table
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.prior.numpy.codebooks import CodebookParameters
from vqzip.prior.numpy.grids import GridParameters
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.order import wavefront
from vqzip.quality import QualityConfig

QUALITY_STEP = 20


def grids() -> tuple[VqvaeConfig, PriorConfig]:
    levels = (
        LevelConfig(32, 3, GridConfig()),
        LevelConfig(32, 9, GridConfig()),
        LevelConfig(16, 9, GridConfig()),
    )
    luma_first = (StageConfig((0, 2, 1), 7), StageConfig((8, 3, 4, 7, 6, 5), 6))
    update = (ConvLayerConfig(3, 7), ConvLayerConfig(1, 6))
    prior = PriorConfig(
        (
            PriorLevelConfig(
                0, 8, (StageConfig((0,), 6), StageConfig((2, 1), 6)), update, neighbour_mean=True
            ),
            PriorLevelConfig(5, 8, luma_first, (ConvLayerConfig(3, 6),)),
            PriorLevelConfig(4, 8, luma_first),
        ),
        "logistic",
        gray_stages=1,
    )
    return VqvaeConfig(levels, WaveletTransformConfig(), QualityConfig()), prior


def codebooks() -> tuple[VqvaeConfig, PriorConfig]:
    codebook = CodebookConfig(7, 4)
    levels = (LevelConfig(32, 1, codebook, 2), LevelConfig(16, 2, codebook))
    prior = PriorConfig(
        (
            PriorLevelConfig(
                0, 8, (StageConfig((1,), 6), StageConfig((0,), 6)), (ConvLayerConfig(3, 6),)
            ),
            PriorLevelConfig(5, 8, (StageConfig((0, 1), 6),)),
        ),
        "categorical",
        embedding=3,
    )
    return VqvaeConfig(levels, ConvTransformConfig()), prior


Configs = tuple[VqvaeConfig, PriorConfig]
HEADS = {"logistic": grids(), "categorical": codebooks()}


def random_net(configs: Configs, seed: int) -> PixelCnn:
    """Return a network whose every weight, biases by condition among them, matters."""
    net = PixelCnn(*configs, torch.Generator().manual_seed(seed)).double()
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.15)
    return net


def random_codes(vqvae: VqvaeConfig, seed: int, *, gray: bool) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    codes = []
    for level in vqvae.levels:
        shape = (1, level.channels, 256 // level.stride, 256 // level.stride)
        if isinstance(level.quantizer, CodebookConfig):
            codes.append(torch.randint(level.quantizer.size, shape, generator=generator))
            continue
        drawn = (torch.randn(shape, generator=generator) * 2).round().long()
        if gray:
            drawn[:, level.channels // 3 :] = 0
        codes.append(drawn)
    return codes


def in_coding_order(x: Tensor) -> NDArray[np.float64]:
    """Return `(1, C, H, W)` as `(H * W, C)`, positions as the walk takes them."""
    _, channels, height, width = x.shape
    order = wavefront(height, width, height)
    flat: NDArray[np.float64] = x.detach().double().numpy().reshape(channels, -1).T
    rows: NDArray[np.float64] = flat[order.rows * width + order.columns]
    return rows


def twins(configs: Configs, seed: int) -> tuple[PixelCnn, ExactPrior]:
    net = random_net(configs, seed)
    return net, ExactPrior.from_tensors(*configs, export_prior(net, configs[0]))


def conditions(net: PixelCnn, configs: Configs, *, gray: bool) -> Tensor:
    row = QUALITY_STEP if configs[0].quality is not None else 0
    row += configs[0].quality_steps if gray else 0
    log_step, flag = condition_inputs(configs[0], configs[1].modes)
    return net.conditions(log_step[row : row + 1], flag[row : row + 1])


def integers_of(
    exact: ExactPrior, codes: list[torch.Tensor], quality_step: int, *, gray: bool
) -> list[tuple[Parameters, ...]]:
    """Return what the integers say of codes, by level and stage."""
    known = [level[0].numpy().astype(np.int32) for level in codes]
    return parameters_of(exact, Picture(0, 0, quality_step, gray), known)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_means_and_scales_are_those_of_the_integers(seed: int, gray: bool) -> None:
    configs = grids()
    net, exact = twins(configs, seed)
    codes = random_codes(configs[0], seed, gray=gray)
    outputs = net(codes, conditions(net, configs, gray=gray))
    said, far = integers_of(exact, codes, QUALITY_STEP, gray=gray), 0.0
    for number, (level_outputs, level_codes) in enumerate(zip(outputs, codes, strict=True)):
        found = logistic_parameters(net, number, level_outputs, level_codes)
        means = in_coding_order(found.mean)
        scales = in_coding_order(found.log_scale) - math.log(spec.SMALLEST_SCALE)
        scales = scales / spec.SCALE_RATIO
        parameters = said[number]
        stages = configs[1].levels[number].stages
        assert len(parameters) == (1 if gray else len(stages))
        for stage, integers in zip(stages, parameters, strict=False):
            assert isinstance(integers, GridParameters)
            own = list(stage.channels)
            mean_error = np.abs(integers.mean16 - 16 * means[:, own])
            assert np.mean(mean_error) < 0.6
            assert mean_error.max() < 4
            assert np.abs(integers.scale - scales[:, own]).max() <= 1
            far = max(far, float(np.ptp(means[:, own])))
    assert far > 0.5, "means that do not move prove nothing"


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_are_those_of_the_integers(seed: int) -> None:
    configs = codebooks()
    net, exact = twins(configs, seed)
    codes = random_codes(configs[0], seed, gray=False)
    outputs = net(codes, conditions(net, configs, gray=False))
    said = integers_of(exact, codes, 0, gray=False)
    for number, level_outputs in enumerate(outputs):
        for out, integers in zip(level_outputs, said[number], strict=True):
            assert isinstance(integers, CodebookParameters)
            count, size = integers.counts.shape[1:]
            logits = in_coding_order(out).reshape(-1, count, size)
            wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
            shares = integers.counts / 2**16
            assert np.abs(shares - wanted).max() < 0.02
            assert wanted.max() > 1.5 / size, "uniform probabilities prove nothing"


@pytest.mark.parametrize(
    ("head", "gray"), [("logistic", False), ("logistic", True), ("categorical", False)]
)
def test_code_lengths_are_those_of_the_integers(head: str, gray: bool) -> None:
    configs = HEADS[head]
    quality_step = QUALITY_STEP if head == "logistic" else 0
    net, exact = twins(configs, 0)
    codes = random_codes(configs[0], 0, gray=gray)
    condition = conditions(net, configs, gray=gray)
    lengths = [x.item() for x in net.code_lengths(codes, condition, torch.tensor([gray]))]
    said, total = integers_of(exact, codes, quality_step, gray=gray), 0.0
    for number, level_codes in enumerate(codes):
        rows = in_coding_order(level_codes).astype(np.int64)
        stages = configs[1].levels[number].stages
        bits = sum(
            float(p.bits(rows[:, list(s.channels)]).sum())
            for p, s in zip(said[number], stages, strict=False)
        )
        assert bits == pytest.approx(lengths[number], rel=0.02)
        total += bits
    assert total == pytest.approx(sum(lengths), rel=0.005)


@pytest.mark.parametrize("head", HEADS)
def test_no_code_sees_itself_or_what_comes_later(head: str) -> None:
    configs = HEADS[head]
    net = random_net(configs, 5)
    condition = conditions(net, configs, gray=False)
    codes = random_codes(configs[0], 5, gray=False)
    before = net(codes, condition)
    for level, config in enumerate(configs[1].levels):
        side = codes[level].shape[2]
        row, column, stage = side // 2, side // 2, len(config.stages) - 1
        channel = config.stages[stage].channels[-1]
        changed = [c.clone() for c in codes]
        changed[level][0, channel, row, column] = (codes[level][0, channel, row, column] + 3) % 7
        after = net(changed, condition)
        rank = torch.arange(side)[None, :] + 2 * torch.arange(side)[:, None]
        for number in range(len(codes)):
            for own, (a, b) in enumerate(zip(before[number], after[number], strict=True)):
                moved = (a != b).any(1)[0]
                if number < level:
                    assert not moved.any()
                elif number == level:
                    assert not moved[rank <= rank[row, column]].any(), own
                    assert moved[row, column + 1]
                else:
                    assert moved.any()


def test_a_later_stage_sees_the_earlier_ones() -> None:
    configs = grids()
    net = random_net(configs, 6)
    condition = conditions(net, configs, gray=False)
    codes = random_codes(configs[0], 6, gray=False)
    first, second = net(codes, condition)[1]
    codes[1][0, 2, 4, 4] += 3
    changed_first, changed_second = net(codes, condition)[1]
    assert torch.equal(first[0, :, 4, 4], changed_first[0, :, 4, 4])
    assert not torch.equal(second[0, :, 4, 4], changed_second[0, :, 4, 4])


def test_pictures_of_a_batch_do_not_touch_each_other() -> None:
    configs = grids()
    net = random_net(configs, 7)
    one, two = (random_codes(configs[0], seed, gray=False) for seed in (1, 2))
    gray, log_step = torch.tensor([False, True]), torch.tensor([3.0, 4.0]).double()
    both = [torch.cat(pair) for pair in zip(one, two, strict=True)]
    together = net.code_lengths(both, net.conditions(log_step, gray), gray)
    for place, codes in enumerate((one, two)):
        own = slice(place, place + 1)
        alone = net.code_lengths(codes, net.conditions(log_step[own], gray[own]), gray[own])
        for a, b in zip(together, alone, strict=True):
            assert a[place].item() == pytest.approx(b[0].item(), rel=1e-5)


def test_same_generator_same_weights() -> None:
    first, second = (PixelCnn(*grids(), torch.Generator().manual_seed(4)) for _ in range(2))
    torch.manual_seed(99)
    third = PixelCnn(*grids(), torch.Generator().manual_seed(4))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
        assert torch.equal(tensor, third.state_dict()[name])


@pytest.mark.parametrize("head", HEADS)
def test_every_weight_gets_a_gradient(head: str) -> None:
    configs = HEADS[head]
    net = random_net(configs, 8)
    codes = random_codes(configs[0], 8, gray=False)
    gray = torch.tensor([False])
    lengths = net.code_lengths(codes, conditions(net, configs, gray=False), gray)
    torch.stack(lengths).sum().backward()  # type: ignore[no-untyped-call]
    idle = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # The mixture's tails belong to the logistic head alone.
    assert idle == ([] if head == "logistic" else ["tail_share_logit", "tail_width_log"])


def stable_bits(
    codes: NDArray[np.float64],
    mean: NDArray[np.float64],
    log_scale: NDArray[np.float64],
    share: float,
    width: float,
) -> NDArray[np.float64]:
    """-log2 of the mixture's mass in a unit cell, from differences of sigmoids in the lower tail."""

    def mass(scale: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = -np.abs(codes - mean)
        high, low = ((distance + side) / scale for side in (0.5, -0.5))
        half = [0.5 * (1 + np.tanh(x / 2)) for x in (high, low)]
        return half[0] - half[1]

    narrow, wide = mass(np.exp(log_scale)), mass(width * np.exp(log_scale))
    bits: NDArray[np.float64] = -np.log2((1 - share) * narrow + share * wide)
    return bits


def bits_of(codes: Tensor, mean: Tensor, log_scale: Tensor, share: float, width: float) -> Tensor:
    parameters = LogisticParameters(mean, log_scale)
    return logistic_bits(codes, parameters, torch.tensor(share), torch.tensor(width))


def test_logistic_bits_are_those_of_plain_sums() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-8, 9, 500).astype(np.float64)
    mean, log_scale = rng.normal(0, 3, 500), rng.uniform(math.log(0.4), math.log(30), 500)
    tensors = [torch.from_numpy(a) for a in (codes, mean, log_scale)]
    found = bits_of(tensors[0], tensors[1], tensors[2], 0.05, 3.5)
    expected = stable_bits(codes, mean, log_scale, 0.05, 3.5)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.03, 0.3, 5.0, 64.0])
def test_probabilities_sum_to_one(scale: float) -> None:
    codes = torch.arange(-20000, 20001).double()
    mean = torch.full_like(codes, 0.37)
    bits = bits_of(codes, mean, torch.full_like(codes, math.log(scale)), 0.05, 4.0)
    assert float(torch.exp2(-bits).sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("distance", [0.0, 1.0, 30.0, 3000.0])
@pytest.mark.parametrize("scale", [0.03, 1.0, 64.0])
def test_gradients_reach_everywhere(distance: float, scale: float) -> None:
    mean = torch.tensor([0.2], requires_grad=True)
    log_scale = torch.tensor([math.log(scale)], requires_grad=True)
    bits = bits_of(torch.tensor([distance]), mean, log_scale, 0.05, 3.0)
    bits.sum().backward()  # type: ignore[no-untyped-call]
    assert mean.grad is not None
    assert log_scale.grad is not None
    for value in (bits, mean.grad, log_scale.grad):
        assert torch.isfinite(value).all()
    if distance > 1:
        assert float(mean.grad) < 0, "the mean moves toward the code"
    if distance > 64:
        assert float(log_scale.grad) < 0, "the scale grows"


def test_gradients_are_those_of_differences() -> None:
    codes = torch.tensor([-3.0, 0.0, 2.0, 40.0], dtype=torch.float64)

    def bits(mean: Tensor, log_scale: Tensor) -> Tensor:
        return bits_of(codes, mean, log_scale, 0.05, 3.0)

    start = [torch.tensor([0.3, 0.2, -0.1, 1.0]).double(), torch.tensor([0.0, -1, 0.5, 1]).double()]
    assert torch.autograd.gradcheck(bits, [x.requires_grad_() for x in start])


def test_activations_fit_twelve_bits() -> None:
    x = torch.tensor([-1e6, -8.0, 0.0, 1.0, 1e6])
    limit = 2047 / 256
    assert activation(x).tolist() == [-limit, -1.0, 0.0, 1.0, limit]
    table = magnitude_table() * 256
    assert torch.equal(table, table.round())
    assert float(table.max()) <= 2047


def test_modules_keep_the_names_that_model_folders_hold() -> None:
    names = set(PixelCnn(*grids()).state_dict())
    assert {"levels.0.first.weight", "levels.1.stages.1.out.bias_by_condition"} <= names
    assert {"levels.0.update.2.weight", "condition.0.weight", "tail_share_logit"} <= names
    assert isinstance(PixelCnn(*grids()).levels, nn.ModuleList)
