"""The prior equals that of the reference decoder, which is plain loops over Python integers."""

import pytest

from reference.decoder import Level, Model, Tensor, clip, counts_of
from tools.prior.random_priors import Tensors, codebook_configs, grid_configs, random_prior
from tools.prior.walks import Codes, Picture, RecordingBackend, draw, write
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.models.plain import to_plain
from vqzip.prior.config import PriorConfig


def reference_model(vqvae: VqvaeConfig, config: PriorConfig, tensors: Tensors) -> Model:
    plain = {name: Tensor(t.shape, t.reshape(-1).tolist()) for name, t in tensors.items()}
    return Model({"vqvae": to_plain(vqvae), "prior": to_plain(config)}, plain, bytes(32))


def reference_levels(model: Model, maps: Codes, picture: Picture) -> list[Level]:
    """Return the levels of a picture whose codes are all known."""
    levels: list[Level] = []
    for number, codes in enumerate(maps):
        _, height, width = codes.shape
        state = levels[-1].next_state() if levels else {}
        quality_step, gray = picture.quality_step, picture.gray
        level = Level(model, number, (height, width), state, quality_step=quality_step, gray=gray)
        level.codes = codes.tolist()
        for position in level.positions():
            level.know(position)
        levels.append(level)
    return levels


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("configs", [grid_configs(), codebook_configs()], ids=["grid", "codebook"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (300, 450)])
def test_prior_equals_the_reference(
    configs: tuple[VqvaeConfig, PriorConfig], height: int, width: int, gray: bool
) -> None:
    vqvae, config = configs
    prior = random_prior(vqvae, config, seed=3)
    picture = Picture(height, width, vqvae.quality_steps // 2, gray)
    maps = draw(prior, [level.stride for level in vqvae.levels], picture, seed=4)
    recorder = RecordingBackend(prior)
    write(recorder, picture, maps)
    model = reference_model(vqvae, config, prior.to_tensors())
    for level in reference_levels(model, maps, picture):
        asked = recorder.asked[level.number].by_place()
        seen = 0
        for position in level.positions():
            known = level.first(position)
            for number, channels in enumerate(level.stages):
                out, size = level.outputs(number, known), len(channels)
                for g, channel in enumerate(channels):
                    seen += 1
                    if level.logistic:
                        mean16 = clip(out[g], 2**20) + level.base16(position, channel)
                        expected = [mean16, max(0, min(63, out[size + g]))]
                    else:
                        logits = len(out) // size
                        expected = counts_of(out[g * logits : (g + 1) * logits])
                    assert asked[(channel, *position)] == expected
                known += level.look(position, channels)
        assert seen == len(asked)
