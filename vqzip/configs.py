"""Configurations: frozen dataclasses that build every network; `config.json` holds them.

Networks are built from these and never guessed from the shapes of weights.
"""

from __future__ import annotations

import dataclasses
import itertools
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from vqzip.errors import ModelError, RecipeError

CONTEXT_TILE = 256
"""Side in pixels of a context tile: the prior sees nothing outside its own tile."""

COARSE_STRIDE = 8
"""Levels of this stride and coarser share a stream."""

WHOLE_STEPS = 7
"""From quality 1 to 8."""

QUALITY_STEPS = 8 * WHOLE_STEPS + 1
"""Qualities by eighths, both ends included."""

BIT_PRICE = 0.08
"""Price of a bit in squared steps: the slope of the rate-distortion curve of a uniform quantizer is
0.14, and less of it is best for codes that later codes are predicted from (docs/log.md)."""

YOUNGER = {"younger": True}
"""Marks fields that are younger than models already made: at their default they are not written, so
that such a model's configuration, and with it the model's id, is the same whenever it is saved."""

T = TypeVar("T")


@dataclass(frozen=True)
class CodebookConfig:
    """A learned codebook (van den Oord 2017): `size` codewords of `dim` numbers."""

    size: int
    dim: int
    kind: Literal["codebook"] = "codebook"


@dataclass(frozen=True)
class GridConfig:
    """Codewords k·step for every integer k: scalar quantization without a largest value."""

    kind: Literal["grid"] = "grid"


@dataclass(frozen=True)
class LevelConfig:
    """One map of codes.

    Args:
        stride: pixels a code spans in each direction.
        groups: slices of the channels, each with a codebook of its own.
        quantizer: the codewords, the same kind for every group.
        depth: residual stages in a group; stage d quantizes what stage d - 1 left over.
        relative_price: of a bit when the encoder chooses this level's codes, over the model's price.
    """

    stride: int
    groups: int
    quantizer: CodebookConfig | GridConfig
    depth: int = 1
    relative_price: float = field(default=1.0, metadata=YOUNGER)

    @property
    def channels(self) -> int:
        """Codes a position: groups x depth."""
        return self.groups * self.depth


@dataclass(frozen=True)
class ConvTransformConfig:
    """Residual encoder and decoder of VQ-VAE (2017) and VQ-VAE-2 (2019), section A of both."""

    hidden: int = 128
    residual_hidden: int = 32
    residual_blocks: int = 2
    kind: Literal["conv"] = "conv"


@dataclass(frozen=True)
class RefinerConfig:
    """A residual network on blocks of 4 x 4 pixels, before the wavelet's analysis or after synthesis.

    Args:
        width: channels.
        blocks: residual blocks of two 3 x 3 convolutions.
        hidden: channels between the two convolutions of a block, of which the second is then 1 x 1;
            0 for two 3 x 3 convolutions of full width.
    """

    width: int
    blocks: int
    hidden: int = field(default=0, metadata=YOUNGER)


@dataclass(frozen=True)
class PredictorConfig:
    """A network that predicts the details of one level from the picture that the coarser levels make.

    Args:
        stride: of the level.
        width: channels.
        hidden: channels between the two convolutions of a residual block.
        blocks: residual blocks.
        fold: positions of the level in each direction that one position of the network stands for.
    """

    stride: int
    width: int
    hidden: int
    blocks: int
    fold: int = 1


@dataclass(frozen=True)
class GainsConfig:
    """Steps that differ by subband, and by what the coarser levels show around a position.

    Args:
        width: of the networks that look at the coarser levels; with them, steps grow with a value's
            own magnitude, too. 0 for a constant a subband alone.
    """

    width: int = 0


@dataclass(frozen=True)
class WaveletTransformConfig:
    """CDF 9/7 wavelet in an orthonormal color basis; level 0 is the coarsest picture.

    Args:
        decompositions: number of wavelet levels (5: strides 2 to 32).
        before: network that changes the picture before analysis.
        after: network that changes what synthesis made of the codes.
        gains: learned steps; all are equal without.
        predictors: networks that predict details from the coarser levels, at most one a level.

    Groups of a level are color-major: luma's come first (the third that a gray picture has).
    """

    decompositions: int = 5
    before: RefinerConfig | None = None
    after: RefinerConfig | None = None
    gains: GainsConfig | None = None
    predictors: tuple[PredictorConfig, ...] = field(default=(), metadata=YOUNGER)
    kind: Literal["wavelet"] = "wavelet"


@dataclass(frozen=True)
class QualityConfig:
    """How quality 1.0 to 8.0 maps to a quantizer step, for grids.

    With x = q - 1, `step(q) = base_step * ratio ** -(x + bend * x * (7 - x))`: the logarithm of the
    step is a parabola of the quality.

    Args:
        base_step: step of quality 1, in units of a pixel value (0 to 255).
        ratio: from one whole quality to the next, in the geometric mean: the step of quality 8 is
            `base_step / ratio**7`, whatever the bend.
        bend: 0 for the same ratio everywhere; above 0, steps fall faster at low qualities, below 0,
            at high ones. Beyond 1/7 either way they would rise at one end.
    """

    base_step: float = 110.0
    ratio: float = 1.5
    bend: float = field(default=0.0, metadata=YOUNGER)

    def step(self, quality_step: int) -> float:
        """Return the step of `quality_step` (0 to 56, eighths above quality 1)."""
        x = quality_step / 8
        return float(self.base_step * self.ratio ** -(x + self.bend * x * (WHOLE_STEPS - x)))

    @property
    def falls(self) -> bool:
        """Whether the step of every quality is smaller than that of the one before."""
        steps = [self.step(quality_step) for quality_step in range(QUALITY_STEPS)]
        return all(before > after for before, after in itertools.pairwise(steps))


@dataclass(frozen=True)
class VqvaeConfig:
    """Any hierarchy: levels x groups x depth, coarse level first.

    Args:
        levels: coarse first; strides fall or stay from one to the next.
        transform: the networks between pixels and latents.
        quality: step of the grid by quality; None when the model has one quality only.
    """

    levels: tuple[LevelConfig, ...]
    transform: ConvTransformConfig | WaveletTransformConfig
    quality: QualityConfig | None = None

    @property
    def quality_steps(self) -> int:
        """Number of qualities: 57 (1.0 to 8.0 by eighths) or one."""
        return QUALITY_STEPS if self.quality is not None else 1

    @property
    def codes_gray_apart(self) -> bool:
        """Whether a gray picture has fewer codes (luma groups alone), as the wavelet's has."""
        return self.transform.kind == "wavelet"

    @property
    def stream_of_level(self) -> tuple[int, ...]:
        """The stream that each level is coded in.

        Levels of stride 8 and coarser share the first: they are a small part of a file, and every
        stream costs about eight bytes. Each finer stride has a stream of its own.
        """
        shared = [min(level.stride, COARSE_STRIDE) for level in self.levels]
        streams = sorted(set(shared), reverse=True)
        return tuple(streams.index(stride) for stride in shared)

    @property
    def align(self) -> int:
        """Pictures are padded to a multiple of this many pixels."""
        return max(level.stride for level in self.levels)


@dataclass(frozen=True)
class StageConfig:
    """Codes of one position that are coded together, given those of earlier stages.

    Args:
        channels: indices into the level's codes a position (group-major, depth-minor).
        hidden: width of the stage's hidden layer.
    """

    channels: tuple[int, ...]
    hidden: int


@dataclass(frozen=True)
class ConvLayerConfig:
    """One layer of the running state's update: `kernel` is 1 or 3."""

    kernel: int
    width: int


@dataclass(frozen=True)
class PriorLevelConfig:
    """The prior of one level.

    Args:
        state: channels of the running state that enters from the coarser levels (0 for none).
        hidden: width of the first hidden layer, which sees state and masked taps.
        stages: in coding order; together they hold every code of a position once.
        update: layers that turn [state, codes] into the next level's state; a last 1 x 1 layer to
            `next.state` channels (times four and a pixel shuffle where the stride halves) is added.
            Empty for the last level.
        neighbour_mean: whether the mean starts from the average of the codes to the left and
            above, and features are of the difference to it (the coarsest picture).
    """

    state: int
    hidden: int
    stages: tuple[StageConfig, ...]
    update: tuple[ConvLayerConfig, ...] = ()
    neighbour_mean: bool = False


@dataclass(frozen=True)
class PriorConfig:
    """A PixelCNN over all levels.

    Args:
        levels: one for each level of the VQ-VAE.
        head: `logistic` for grids, `categorical` for codebooks.
        embedding: features of one code at the input: 2 for `logistic` (signed and absolute
            logarithm), the width of the learned embedding for `categorical`.
        gray_stages: stages of every level that a gray picture has; 0 when it has all of them.
    """

    levels: tuple[PriorLevelConfig, ...]
    head: Literal["logistic", "categorical"]
    embedding: int = 2
    gray_stages: int = 0

    @property
    def modes(self) -> int:
        """Number of modes that the prior tells apart: RGB, and gray where it is coded apart."""
        return 2 if self.gray_stages else 1


@dataclass(frozen=True)
class ModelConfig:
    """What `config.json` of a model folder holds.

    Args:
        name: of the model.
        vqvae: levels, transform, qualities.
        prior: widths and stages.
        metric: what the model was trained for: `psnr` stands for squared error.
        bit_price: of the encoder's choice of codes, in squared steps a bit.
        format: of the folder.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    metric: Literal["psnr", "ms-ssim"] = field(default="psnr", metadata=YOUNGER)
    bit_price: float = field(default=BIT_PRICE, metadata=YOUNGER)
    format: int = 1


def to_plain(value: object) -> Any:
    """Return dataclasses and tuples as plain dicts and lists, for JSON or TOML.

    Fields that are None are left out, and so are `YOUNGER` ones at their default.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name: to_plain(item) for f, item in items if not _left_out(f, item)}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def _left_out(of: dataclasses.Field[Any], value: object) -> bool:
    return value is None or ("younger" in of.metadata and value == of.default)


def from_plain(cls: type[T], plain: object, where: str = "") -> T:
    """Build a frozen dataclass from plain dicts and lists; unknown keys are errors.

    Args:
        cls: the dataclass.
        plain: what JSON or TOML gave.
        where: dotted path for messages.

    Raises:
        RecipeError: a key is unknown or missing, or a value has the wrong type.
    """
    return typing.cast("T", _convert(cls, plain, where or cls.__name__))


def _convert(annotation: Any, plain: Any, where: str) -> Any:
    """Return `plain` as a value of the annotated type."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _convert_dataclass(annotation, plain, where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, plain, where)
    if origin is Literal:
        if plain not in arguments:
            raise RecipeError(
                f"{where} must be one of {', '.join(map(repr, arguments))}, got {plain!r}."
            )
        return plain
    if origin is tuple:
        return _convert_tuple(arguments, plain, where)
    if annotation is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    if not isinstance(plain, annotation) or (annotation is int and isinstance(plain, bool)):
        raise RecipeError(f"{where} must be {annotation.__name__}, got {plain!r}.")
    return plain


def _convert_tuple(arguments: tuple[Any, ...], plain: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, (list, tuple)):
        raise RecipeError(f"{where} must be a list, got {plain!r}.")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(plain)
    if len(arguments) != len(plain):
        raise RecipeError(f"{where} must have {len(arguments)} entries, got {plain!r}.")
    entries = enumerate(zip(arguments, plain, strict=True))
    return tuple(_convert(a, p, f"{where}[{i}]") for i, (a, p) in entries)


def _convert_dataclass(cls: Any, plain: Any, where: str) -> Any:
    if not isinstance(plain, dict):
        raise RecipeError(f"{where} must be a table, got {plain!r}.")
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    unknown = sorted(set(plain) - set(names))
    if unknown:
        raise RecipeError(f"{where} has no key '{unknown[0]}'; known keys are {', '.join(names)}.")
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(plain))
    if missing:
        raise RecipeError(f"{where} lacks the key '{missing[0]}'.")
    return cls(**{key: _convert(hints[key], item, f"{where}.{key}") for key, item in plain.items()})


def _convert_union(options: tuple[Any, ...], plain: Any, where: str) -> Any:
    if plain is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if len(options) == 1:
        return _convert(options[0], plain, where)
    kinds = {typing.get_args(typing.get_type_hints(o)["kind"])[0]: o for o in options}
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise RecipeError(f"{where}.kind must be one of {', '.join(kinds)}, got {kind!r}.")
    return _convert(kinds[kind], plain, where)


def check_transform(vqvae: VqvaeConfig) -> None:
    """Check that the levels are those that the transform has.

    Raises:
        ModelError: they are not.
    """
    if not vqvae.levels:
        raise ModelError("a VQ-VAE needs at least one level.")
    if not isinstance(vqvae.transform, WaveletTransformConfig):
        return
    last = vqvae.transform.decompositions
    strides = [2**last, *(2 ** (last - number) for number in range(last))]
    expected = [LevelConfig(s, 9 if n else 3, GridConfig()) for n, s in enumerate(strides)]
    if [dataclasses.replace(level, relative_price=1.0) for level in vqvae.levels] != expected:
        raise ModelError(
            f"a wavelet of {last} decompositions needs grids at strides "
            f"{', '.join(map(str, strides))}, with 3 groups in the first and 9 in the others."
        )
    predicted = [config.stride for config in vqvae.transform.predictors]
    if len(set(predicted)) != len(predicted) or not set(predicted) <= set(strides):
        raise ModelError(
            f"predictors need different strides out of {', '.join(map(str, strides[1:]))}, "
            f"got {', '.join(map(str, predicted))}."
        )


def check_prior(vqvae: VqvaeConfig, prior: PriorConfig) -> None:
    """Check that a prior fits a VQ-VAE: levels, stages, state widths.

    Raises:
        ModelError: they do not fit.
    """
    if len(vqvae.levels) != len(prior.levels):
        raise ModelError(
            f"the prior has {len(prior.levels)} levels, the VQ-VAE {len(vqvae.levels)}."
        )
    for number, (level, config) in enumerate(zip(vqvae.levels, prior.levels, strict=True)):
        staged = [channel for stage in config.stages for channel in stage.channels]
        if sorted(staged) != list(range(level.channels)):
            raise ModelError(f"the stages of level {number} must hold each of its codes once.")
        if CONTEXT_TILE % level.stride:
            raise ModelError(f"stride {level.stride} of level {number} must divide {CONTEXT_TILE}.")
        if (config.state == 0) != (number == 0):
            raise ModelError(f"level {number}: only the first level has no state.")
        if number and vqvae.levels[number - 1].stride not in (level.stride, 2 * level.stride):
            raise ModelError(f"level {number}: strides must halve or stay from level to level.")
        grid = isinstance(level.quantizer, GridConfig)
        if grid != (prior.head == "logistic"):
            raise ModelError("grids need a logistic head, codebooks a categorical one.")
        if any(layer.kernel not in (1, 3) for layer in config.update):
            raise ModelError(f"level {number}: kernels of the update must be 1 or 3.")
    if prior.head == "logistic" and prior.embedding != 2:
        raise ModelError("a logistic head has an embedding of 2: signed and absolute logarithm.")
