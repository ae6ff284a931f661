"""Configurations: plain data and back, and which parts fit together."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.autoencoders.config import (
    ConvTransformConfig,
    VqvaeConfig,
    WaveletTransformConfig,
)
from vqzip.autoencoders.kinds import check_transform
from vqzip.errors import ModelError, RecipeError
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.models.config import ModelConfig
from vqzip.models.plain import from_plain, to_plain
from vqzip.prior.config import (
    ConvLayerConfig,
    PriorConfig,
    PriorLevelConfig,
    StageConfig,
    check_prior,
)
from vqzip.quality import QUALITY_STEPS, Quality, QualityConfig

GRID = GridConfig()


@dataclass(frozen=True)
class Inner:
    number: int
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    several: tuple[Inner, ...] = ()
    pair: tuple[float, int] = (1.0, 2)
    mode: Literal["a", "b"] = "a"
    quantizer: CodebookConfig | GridConfig = GRID
    maybe: Inner | None = None
    flag: bool = False
    late: int = field(default=1, metadata={"left_out": "at default"})


PLAIN: dict[str, Any] = {"name": "x", "inner": {"number": 3}}


def vqvae(*strides: int) -> VqvaeConfig:
    levels = tuple(LevelConfig(stride, 1, CodebookConfig(8, 4)) for stride in strides)
    return VqvaeConfig(levels, ConvTransformConfig())


def prior(*states: int) -> PriorConfig:
    levels = tuple(PriorLevelConfig(state, 4, (StageConfig((0,), 4),)) for state in states)
    return PriorConfig(levels, "categorical")


def test_defaults_fill_in_and_integers_are_numbers() -> None:
    made = from_plain(Outer, PLAIN | {"pair": [2, 3], "inner": {"number": 3, "share": 1}})
    assert made == Outer("x", Inner(3, 1.0), pair=(2.0, 3))
    assert isinstance(made.inner.share, float)


def test_kinds_choose_among_classes() -> None:
    book = {"kind": "codebook", "size": 8, "dim": 2}
    assert from_plain(Outer, PLAIN | {"quantizer": book}).quantizer == CodebookConfig(8, 2)
    assert from_plain(Outer, PLAIN | {"quantizer": {"kind": "grid"}}).quantizer == GridConfig()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inner": {"number": 3, "nmae": 1}}, "where.inner has no key 'nmae'"),
        ({"inner": {}}, "where.inner lacks the key 'number'"),
        ({"inner": 3}, "where.inner must be a table"),
        ({"inner": {"number": 3.0}}, "where.inner.number must be int"),
        ({"inner": {"number": True}}, "where.inner.number must be int"),
        ({"inner": {"number": 3, "share": True}}, "where.inner.share must be float"),
        ({"several": {"number": 3}}, "where.several must be a list"),
        ({"several": [{"number": 3}, {"number": "3"}]}, "where.several[1].number must be int"),
        ({"pair": [1.0]}, "where.pair must have 2 entries"),
        ({"mode": "c"}, "where.mode must be one of 'a', 'b'"),
        (
            {"quantizer": {"size": 8, "dim": 2}},
            "where.quantizer.kind must be one of codebook, grid",
        ),
        ({"quantizer": 8}, "where.quantizer.kind must be one of"),
        ({"quantizer": {"kind": "grid", "size": 8}}, "no key 'size'"),
        ({"maybe": 1}, "where.maybe must be a table"),
        ({"flag": 1}, "where.flag must be bool"),
        ({"name": 1}, "where.name must be str"),
    ],
)
def test_faults_name_their_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        from_plain(Outer, PLAIN | change, "where")
    assert words in str(caught.value)


inners = st.builds(Inner, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
outers = st.builds(
    Outer,
    name=st.text(),
    inner=inners,
    several=st.lists(inners).map(tuple),
    mode=st.sampled_from(["a", "b"]),
    quantizer=st.one_of(
        st.just(GridConfig()), st.builds(CodebookConfig, st.integers(), st.integers())
    ),
    maybe=st.none() | inners,
    flag=st.booleans(),
    late=st.integers(0, 2),
)


@given(outers)
def test_json_brings_everything_back(value: Outer) -> None:
    assert from_plain(Outer, json.loads(json.dumps(to_plain(value)))) == value


def test_model_configs_come_back() -> None:
    config = ModelConfig(
        "m", dataclasses.replace(vqvae(8, 4), quality=QualityConfig()), prior(0, 4)
    )
    assert from_plain(ModelConfig, json.loads(json.dumps(to_plain(config)))) == config


def test_younger_fields_are_written_only_when_they_say_something() -> None:
    assert "late" not in to_plain(Outer("x", Inner(3)))
    assert to_plain(Outer("x", Inner(3), late=2))["late"] == 2


@pytest.mark.parametrize("folder", ["models/photo-psnr", "models/vqvae2", "tests/golden/tiny"])
def test_models_of_old_keep_every_byte_of_their_configuration(folder: str) -> None:
    """Their ids hash it: a model that is saved again must stay the same model."""
    text = (Path(__file__).parent.parent / folder / "config.json").read_text(encoding="utf-8")
    config = from_plain(ModelConfig, json.loads(text))
    assert config.metric == "psnr"
    assert json.dumps(to_plain(config), indent=1) + "\n" == text


def test_a_model_says_what_it_was_trained_for() -> None:
    config = ModelConfig("m", vqvae(8), prior(0), metric="ms-ssim")
    plain = json.loads(json.dumps(to_plain(config)))
    assert plain["metric"] == "ms-ssim"
    assert from_plain(ModelConfig, plain) == config
    with pytest.raises(RecipeError, match="metric must be one of 'psnr', 'ms-ssim'"):
        from_plain(ModelConfig, plain | {"metric": "vmaf"})


def test_steps_without_a_bend_are_those_of_old_models() -> None:
    """Bit for bit: the step decides codes and pixels."""
    for quality in (QualityConfig(193.345, 1.34444), QualityConfig()):
        for number in range(QUALITY_STEPS):
            assert quality.step(Quality(number)) == quality.base_step * quality.ratio ** (
                -number / 8
            )


def test_a_bend_moves_steps_between_the_ends() -> None:
    straight, bent = QualityConfig(100.0, 1.4), QualityConfig(100.0, 1.4, -0.05)
    assert (bent.step(Quality(0)), bent.step(Quality(56))) == (
        straight.step(Quality(0)),
        straight.step(Quality(56)),
    )
    assert all(
        bent.step(Quality(number)) > straight.step(Quality(number)) for number in range(1, 56)
    )
    # x + bend x (7 - x) at x = 2: two qualities up by the mean ratio, half a one held back.
    assert bent.step(Quality(16)) == pytest.approx(100 / 1.4**1.5)


@pytest.mark.parametrize(
    ("bend", "falls"), [(0.0, True), (0.14, True), (-0.14, True), (0.15, False), (-0.15, False)]
)
def test_too_much_of_a_bend_makes_steps_rise(bend: float, *, falls: bool) -> None:
    assert QualityConfig(100.0, 1.4, bend).falls is falls


def test_derived_facts() -> None:
    config = vqvae(8, 4)
    assert (config.align, config.quality_steps, config.luma_alone) == (8, 1, False)
    wavelet = VqvaeConfig((), WaveletTransformConfig(), QualityConfig(100.0, 1.5))
    assert (wavelet.quality_steps, wavelet.luma_alone) == (57, True)
    assert LevelConfig(4, 3, GridConfig(), 2).channels == 6
    assert QualityConfig(100.0, 1.5).step(Quality(0)) == 100
    assert QualityConfig(100.0, 1.5).step(Quality(16)) == pytest.approx(100 / 1.5**2)
    assert (prior(0).modes, dataclasses.replace(prior(0), gray_stages=1).modes) == (1, 2)


def test_priors_that_fit() -> None:
    check_prior(vqvae(8, 8, 4), prior(0, 4, 4))
    check_prior(vqvae(256), prior(0))


@pytest.mark.parametrize(
    ("strides", "fitting", "words"),
    [
        ((8, 4), prior(0), "1 levels, the VQ-VAE 2"),
        ((8, 4), prior(0, 0), "only the first level"),
        ((8,), prior(4), "only the first level"),
        ((16, 4), prior(0, 4), "must halve or stay"),
        ((4, 8), prior(0, 4), "must halve or stay"),
        ((512,), prior(0), "must divide 256"),
        ((8,), PriorConfig((PriorLevelConfig(0, 4, ()),), "categorical"), "each of its codes once"),
        (
            (8,),
            PriorConfig((PriorLevelConfig(0, 4, (StageConfig((0, 0), 4),)),), "categorical"),
            "each of its codes once",
        ),
        ((8,), dataclasses.replace(prior(0), head="logistic"), "codebooks a categorical one"),
        (
            (8,),
            PriorConfig(
                (PriorLevelConfig(0, 4, (StageConfig((0,), 4),), (ConvLayerConfig(2, 4),)),),
                "categorical",
            ),
            "1 or 3",
        ),
        (
            (8,),
            PriorConfig(
                (PriorLevelConfig(0, 4, (StageConfig((0,), 4),), neighbour_mean=True),),
                "categorical",
            ),
            "neighbour_mean must be false",
        ),
    ],
)
def test_priors_that_do_not_fit(strides: tuple[int, ...], fitting: PriorConfig, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        check_prior(vqvae(*strides), fitting)


def test_levels_of_a_wavelet() -> None:
    grid = GridConfig()
    levels = (LevelConfig(4, 3, grid), LevelConfig(4, 9, grid), LevelConfig(2, 9, grid))
    check_transform(VqvaeConfig(levels, WaveletTransformConfig(2)))
    check_transform(vqvae(16, 4))
    for wrong in (levels[1:], levels[:2], (*levels[:2], LevelConfig(2, 3, grid))):
        with pytest.raises(ModelError, match="strides 4, 4, 2"):
            check_transform(VqvaeConfig(wrong, WaveletTransformConfig(2)))
    books = tuple(dataclasses.replace(one, quantizer=CodebookConfig(8, 1)) for one in levels)
    with pytest.raises(ModelError, match="needs grids"):
        check_transform(VqvaeConfig(books, WaveletTransformConfig(2)))
    with pytest.raises(ModelError, match="at least one level"):
        check_transform(VqvaeConfig((), ConvTransformConfig()))
