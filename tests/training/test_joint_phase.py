"""Transform and prior trained together: what is chosen, what moves, and what does not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import tiny_recipes
from tests.training.tiny_recipes import tiny_recipe, write_pictures
from vqzip.errors import RecipeError, UsageError
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.training.phases.joint import phase as joint
from vqzip.training.phases.joint.passes import Crops
from vqzip.training.phases.joint.phase import JointPhase, common_pattern
from vqzip.training.phases.joint.slopes import nudged_signs
from vqzip.training.phases.joint.tipping import TIPPING_WIDTH, choose_codes
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.phases import JointPhaseConfig
from vqzip.training.recipe.read import recipe_to_toml
from vqzip.training.run import run

CPU = torch.device("cpu")
TAILS = torch.tensor(0.05), torch.tensor(4.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("joint") / "pictures")


def made_phase(recipe: Recipe, pictures: Path, name: str = "joint") -> JointPhase:
    phase = tiny_recipes.made_phase(recipe, pictures, name)
    assert isinstance(phase, JointPhase)
    return phase


def take(phase: JointPhase, first: int, last: int, total: int = 40) -> list[dict[str, float]]:
    return [phase.step(number, 1 - number / total) for number in range(first, last)]


def random_parameters(shape: tuple[int, ...], seed: int) -> LogisticParameters:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(shape, generator=generator)
    return LogisticParameters(mean, 2 * torch.rand(shape, generator=generator) - 2.5)


@pytest.mark.parametrize("price", [0.0, 0.08, 0.5])
def test_codes_are_the_cheapest_of_three(price: float) -> None:
    shape = (1, 2, 5, 6)
    z = 2 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    parameters = random_parameters(shape, 2)
    chosen = choose_codes(z, parameters, TAILS, price).codes
    for at in np.ndindex(shape):
        nearest = round(z[at].item())
        candidates = torch.tensor([nearest, nearest - np.sign(nearest), 0.0])
        here = LogisticParameters(parameters.mean[at].expand(3), parameters.log_scale[at].expand(3))
        costs = (candidates - z[at]) ** 2 + price * logistic_bits(candidates, here, *TAILS)
        assert chosen[at] == candidates[costs.argmin()]
    assert torch.equal(chosen, z.round()) == (price == 0)


@pytest.mark.parametrize("log_scale", [-1.6, -1.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_codes_follow_their_latents_only_near_the_places_where_they_tip(
    log_scale: float, sign: int
) -> None:
    magnitude = torch.linspace(0, 3, 3001)
    z = (sign * magnitude).reshape(1, 1, 1, -1)
    parameters = LogisticParameters(torch.zeros_like(z), torch.full_like(z, log_scale))
    chosen = choose_codes(z, parameters, TAILS, 0.12)
    codes, follow = chosen.codes.abs().flatten(), chosen.follow.flatten()
    for code in (0, 1):
        tipping = magnitude[codes == code].max()
        close = (magnitude - tipping).abs() < 0.5
        # Latents spread evenly tip at the rate at which they move, from either side half of them.
        for side in (codes == code, codes == code + 1):
            assert follow[close & side].sum().item() * 0.001 == pytest.approx(0.5, abs=0.03)
        width = (magnitude - tipping).abs()[close & (follow > 0)].max()
        assert width.item() == pytest.approx(TIPPING_WIDTH, abs=0.03)


def test_the_gradient_of_a_gain_is_what_the_gain_changes() -> None:
    """Sparse latents, a fixed prior: slopes of error and bits against differences."""
    generator = torch.Generator().manual_seed(0)
    shape = (1, 1, 1000, 2000)
    z = 0.35 * torch.empty(shape).exponential_(generator=generator)
    z *= torch.where(torch.rand(shape, generator=generator) < 0.5, -1, 1)
    parameters = LogisticParameters(torch.zeros(shape), torch.full(shape, -1.5))

    def costs(log_gain: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents = z / log_gain.exp()
        chosen = choose_codes(latents.detach(), parameters, TAILS, 0.1)
        drawn = chosen.drawn(latents, chosen.codes) * log_gain.exp()
        bits = logistic_bits(chosen.codes, parameters, *TAILS) + chosen.tipped_bits(latents)
        return (drawn - z).square().mean(), bits.mean()

    here = torch.zeros((), requires_grad=True)
    less, more = costs(torch.tensor(-0.1)), costs(torch.tensor(0.1))
    for number in range(2):
        (slope,) = torch.autograd.grad(costs(here)[number], here)
        measured = (more[number] - less[number]).item() / 0.2
        assert slope.item() == pytest.approx(measured, rel=0.15)


def test_a_pattern_is_what_all_blocks_have_alike() -> None:
    generator = torch.Generator().manual_seed(3)
    alike = torch.randn(2, 3, 4, 4, generator=generator)
    apart = torch.randn(2, 3, 16, 4, generator=generator)
    step = torch.tensor([8.0, 30.0])
    change = alike.repeat(1, 1, 4, 2) + torch.cat([apart, -apart], 3)
    squares = alike.square().mean((2, 3)).sum(1)
    assert torch.allclose(common_pattern(change * step[:, None, None, None], step), squares)


@pytest.mark.parametrize("distortion", ["mse", "ms-ssim"])
@pytest.mark.parametrize("width", [0, 4])
def test_a_restored_phase_takes_the_same_steps(
    tmp_path: Path, pictures: Path, distortion: str, width: int
) -> None:
    weight = 0.5 if distortion == "ms-ssim" else 1200.0
    settings = (
        f"phases.joint.distortion='{distortion}'",
        f"phases.joint.rate_weight={weight}",
        f"vqvae.transform.gains.width={width}",
    )
    recipe = tiny_recipe(tmp_path, "joint", *settings)
    unbroken = made_phase(recipe, pictures)
    expected = take(unbroken, 0, 4)
    first = made_phase(recipe, pictures)
    take(first, 0, 2)
    second = made_phase(recipe, pictures)
    second.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    assert take(second, 2, 4) == expected[2:]
    assert all(math.isfinite(value) for row in expected for value in row.values())
    assert set(expected[0]) == {"loss", "distortion", "pattern", "code_length_bpp", "gradient"}


def test_the_squared_error_beside_another_distortion_has_its_own_price(
    tmp_path: Path, pictures: Path
) -> None:
    """At equal prices, `mse` with a squared error of 0.5 beside it counts 1.5 times."""
    costs = []
    for squared_error in (0.0, 0.5):
        price = f"phases.joint.rate_weight={joint.SQUARED_PRICE}"
        share = f"phases.joint.squared_error={squared_error}"
        phase = made_phase(tiny_recipe(tmp_path, "joint", price, share), pictures)
        costs.append(take(phase, 0, 1)[0]["distortion"])
    assert costs[1] == pytest.approx(1.5 * costs[0])


def test_a_missing_metric_is_said_before_the_run_starts(
    tmp_path: Path, pictures: Path, without: Callable[[str], None]
) -> None:
    without("pycvvdp")
    recipe, out = tmp_path / "recipe.toml", tmp_path / "run"
    chosen = tiny_recipe(tmp_path, "joint", "phases.joint.distortion='jod'")
    recipe.write_text(recipe_to_toml(chosen), encoding="utf-8")
    with pytest.raises(UsageError, match=r"pip install vqzip\[looks\]"):
        run(str(recipe), data=pictures, out=out)
    assert not out.exists()


def test_the_decoder_phase_moves_the_last_network_alone(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "joint"), pictures, "decoder")
    before = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    rows = take(phase, 0, 3)
    moved = {name for name, t in phase.tensors().items() if not torch.equal(t, before.get(name, t))}
    assert moved
    assert all(name.startswith("vqvae.transform.after.") for name in moved)
    assert set(rows[0]) == {"loss", "distortion", "gradient"}


def test_every_part_learns_in_the_joint_phase(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "joint"), pictures)
    before = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    take(phase, 0, 3)
    moved = {name for name, t in phase.tensors().items() if not torch.equal(t, before.get(name, t))}
    for part in (
        "vqvae.transform.before",
        "vqvae.transform.after",
        "vqvae.transform.gains",
        "prior",
    ):
        assert any(name.startswith(f"{part}.") for name in moved), part


def test_predictors_learn_in_the_joint_phase(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "predicted"), pictures)
    before = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    take(phase, 0, 3)
    moved = {name for name, t in phase.tensors().items() if not torch.equal(t, before.get(name, t))}
    assert any(name.startswith("vqvae.transform.predictors.2.") for name in moved)


def test_finer_codes_are_chosen_given_the_coarser_ones_as_chosen(
    tmp_path: Path, pictures: Path
) -> None:
    """A dear bit makes all coarse codes zero, and the finer latents must be those of a blank picture."""
    phase = made_phase(tiny_recipe(tmp_path, "predicted", "phases.joint.bit_price=10.0"), pictures)
    with torch.no_grad():
        for name, parameter in phase.transform.predictors.named_parameters():
            if name.endswith("leave.weight"):
                parameter.fill_(0.05)
    batch = phase.setup.batch(4, 0, 2, phase.tiles.window)
    tile = phase.tiles.random(batch, torch.Generator().manual_seed(0))
    step = torch.full((2,), 20.0)
    crops = Crops(batch, step, tile)
    features = phase.transform.split(phase.transform.planes(batch.pixels))
    chosen = phase.passes.codes(features, crops)
    low = None
    for number, (quantizer, level) in enumerate(
        zip(phase.setup.vqvae.quantizers, chosen, strict=True)
    ):
        z_q = quantizer.dequantize(level.codes[:, :, None].int(), step)
        scale = phase.transform.scale(number, low, step)
        if number == 2:
            z = tile.cut(number, scale.latents(features[number]) / 20.0)
            codes = tile.cut(number, level.codes)
            # Whatever is chosen lies between zero and the nearest code of this very latent.
            assert bool((codes.abs() <= z.abs().round()).all())
            assert bool((codes * z >= 0).all())
        low = phase.transform.finer(low, scale.subbands(z_q))


@pytest.mark.parametrize("seed", range(6))
def test_slopes_are_measured_of_one_level_in_luma_or_chroma(
    tmp_path: Path, pictures: Path, seed: int
) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "joint"), pictures)
    signs = nudged_signs(phase.constants, 5, torch.Generator().manual_seed(seed))
    (level,) = (sign for sign in signs if sign.any())
    luma, chroma = level[:, : level.shape[1] // 3], level[:, level.shape[1] // 3 :]
    moved, still = (luma, chroma) if luma.any() else (chroma, luma)
    assert not still.any()
    assert torch.equal(moved.abs(), torch.ones_like(moved))
    if level.shape[1] > 3:
        assert torch.equal(level[:, 0::3], level[:, 1::3])


@pytest.mark.parametrize(("log_gain", "sign"), [(-2.0, -1), (1.0, 1)])
def test_slopes_lead_back_from_gains_far_off(
    tmp_path: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    log_gain: float,
    sign: int,
) -> None:
    """Luma of one level far too fine costs bits, far too coarse costs error."""
    settings = ("phases.joint.smallest_step=8", "phases.joint.largest_step=10", "data.gray_share=0")
    phase = made_phase(tiny_recipe(tmp_path, "joint", *settings), pictures)
    bands = phase.constants[1]
    with torch.no_grad():
        bands.bias[:3] = log_gain
    signs = [torch.zeros(2, linear.out_features) for linear in phase.constants]
    signs[1][:, :3] = torch.tensor([[1.0], [-1.0]])
    monkeypatch.setattr(joint, "nudged_signs", lambda *_: signs)
    phase.step(0, 1.0)
    assert bands.bias.grad is not None
    assert sign * bands.bias.grad[0] > 0
    assert not bands.bias.grad[3:].any()
    assert not any(linear.bias.grad.any() for linear in phase.constants if linear is not bands)  # type: ignore[union-attr]


def test_a_pattern_before_the_wavelet_goes_again(tmp_path: Path, pictures: Path) -> None:
    """Neither rate nor distortion would take so small a shift of all pixels away in so few steps."""
    settings = ("phases.joint.learning_rate=0.01", "phases.joint.distortion='ms-ssim'")
    phase = made_phase(
        tiny_recipe(tmp_path, "joint", *settings, "phases.joint.rate_weight=0.5"), pictures
    )
    before = phase.transform.before
    assert before is not None
    assert before.leave.bias is not None
    with torch.no_grad():
        before.leave.bias[:16] = 0.5
    rows = take(phase, 0, 60, total=60)
    assert rows[0]["pattern"] == pytest.approx(0.15**2, rel=1e-3)
    assert rows[-1]["pattern"] < 0.1 * rows[0]["pattern"]


def test_a_part_that_is_not_there_cannot_learn(tmp_path: Path, pictures: Path) -> None:
    config = JointPhaseConfig(steps=1, batch=1, learning_rate=1, learn=("before",))
    recipe = dataclasses.replace(tiny_recipe(tmp_path, "wavelet"), phases=(config,))
    with pytest.raises(RecipeError, match="'before', which the transform lacks"):
        made_phase(recipe, pictures)


def test_a_joint_phase_needs_a_wavelet(tmp_path: Path, pictures: Path) -> None:
    config = JointPhaseConfig(steps=1, batch=1, learning_rate=1)
    recipe = dataclasses.replace(tiny_recipe(tmp_path, "codebook"), phases=(config,))
    with pytest.raises(RecipeError, match="'joint' needs a wavelet"):
        made_phase(recipe, pictures)


@pytest.mark.slow
def test_distortion_falls_in_the_decoder_phase(tmp_path: Path, pictures: Path) -> None:
    settings = ("phases.decoder.learning_rate=0.003", "phases.decoder.batch=2", "data.gray_share=0")
    phase = made_phase(tiny_recipe(tmp_path, "joint", *settings), pictures, "decoder")
    rows = take(phase, 0, 120, total=120)
    identity = made_phase(tiny_recipe(tmp_path, "joint", *settings), pictures, "decoder")
    identity.rates = [0.0]
    before = take(identity, 80, 120, total=120)
    ratios = [a["distortion"] / b["distortion"] for a, b in zip(rows[80:], before, strict=True)]
    assert np.mean(ratios) < 0.97
