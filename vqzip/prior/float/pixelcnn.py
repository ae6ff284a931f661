"""The prior as a float network, for training: a PixelCNN from coarse level to fine.

Every layer is one matrix over gathered inputs, in the layout that `prior.exact` computes with
integers (design: van den Oord 2016, Conditional Image Generation with PixelCNN Decoders;
Salimans 2017, PixelCNN++, for the discretized logistic). Training sees whole context tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.hierarchy import Hierarchy, LevelConfig
from vqzip.prior.config import PriorConfig, PriorLevelConfig
from vqzip.prior.float.codebooks import CodebookHead
from vqzip.prior.float.dense import CONDITION_WIDTH, Dense, activation
from vqzip.prior.float.grids import GridHead, magnitude_table
from vqzip.prior.spec import CONTEXT_TAPS

STEP_LOG_CENTER, STEP_LOG_SPREAD = 3.3, 0.8
"""About the mean and the deviation of log(step) for qualities 1 to 8."""


class FloatHead(Protocol):
    """What depends on the kind of a level's codes."""

    def outputs(self, level: LevelConfig, /) -> int:
        """Return the outputs of the network for one code."""

    def features(self, net: PixelCnn, number: int, codes: Tensor, /) -> Tensor:
        """Return the network's view of codes `(N, C, H, W)`: `(N, C * embedding, H, W)`."""

    def columns(self, channels: tuple[int, ...], features: int, of: int, /) -> list[int]:
        """Return where the features of some channels lie.

        Args:
            channels: some of the level's.
            features: of all channels together.
            of: number of channels.
        """

    def bits(
        self,
        net: PixelCnn,
        number: int,
        outputs: tuple[Tensor, ...],
        codes: Tensor,
        gray: Tensor,
        /,
    ) -> Tensor:
        """Return the code length of a level's codes in bits, `(N,)`."""


HEADS: dict[str, FloatHead] = {"logistic": GridHead(), "categorical": CodebookHead()}
"""By the head of a prior."""


class PixelCnnStage(nn.Module):
    """Hidden and output layer of the codes that are coded together.

    Args:
        inputs: width of the level's first layer and features of the stages before.
        hidden: width.
        outputs: of all codes of the stage together.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = Dense(inputs, hidden)
        self.out = Dense(hidden, outputs, gain=0.3)


class PixelCnnLevel(nn.Module):
    """The layers of one level: the causal first layer, the stages, the state's update.

    Args:
        config: widths.
        features: of one code.
        outputs: of the head for one code.
        next_state: channels of the update's last layer; 0 for the last level.
    """

    stages: Sequence[PixelCnnStage]
    update: Sequence[Dense]

    def __init__(
        self, config: PriorLevelConfig, features: int, outputs: int, next_state: int
    ) -> None:
        super().__init__()
        channels = sum(len(stage.channels) for stage in config.stages)
        self.config = config
        self.first = Dense(config.state + len(CONTEXT_TAPS) * channels * features, config.hidden)
        stages, inputs = [], config.hidden
        for stage in config.stages:
            count = len(stage.channels)
            stages.append(PixelCnnStage(inputs, stage.hidden, count * outputs))
            inputs += count * features
        update: list[Dense] = []
        if next_state:
            width = config.state + channels * features
            for layer in config.update:
                update.append(Dense(layer.kernel**2 * width, layer.width))
                width = layer.width
            update.append(Dense(width, next_state))
        # ModuleLists at run time; the annotations keep the elements' type.
        self.stages = cast("Sequence[PixelCnnStage]", nn.ModuleList(stages))
        self.update = cast("Sequence[Dense]", nn.ModuleList(update))


class PixelCnn(nn.Module):
    """Code lengths of all levels of a batch of context tiles.

    Args:
        hierarchy: whose codes are coded.
        prior: widths, stages and head.
        generator: for the initial weights.
    """

    levels: Sequence[PixelCnnLevel]
    magnitude: Tensor

    def __init__(
        self, hierarchy: Hierarchy, prior: PriorConfig, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.hierarchy, self.config = hierarchy, prior
        self.head = HEADS[prior.head]
        levels = [
            PixelCnnLevel(
                config, prior.embedding, self.head.outputs(level), self._next_state(number)
            )
            for number, (level, config) in enumerate(
                zip(hierarchy.levels, prior.levels, strict=True)
            )
        ]
        self.levels = cast("Sequence[PixelCnnLevel]", nn.ModuleList(levels))
        self.condition = nn.Sequential(
            nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, CONDITION_WIDTH), nn.Tanh()
        )
        self.embeddings = nn.ParameterList(
            torch.empty(level.channels, level.quantizer.size, prior.embedding)
            for level in hierarchy.levels
            if level.quantizer.size
        )
        self.register_buffer("magnitude", magnitude_table(), persistent=False)
        # A second, wider logistic gives the tails: its share and its width relative to the first.
        self.tail_share_logit = nn.Parameter(torch.tensor(-3.0))
        self.tail_width_log = nn.Parameter(torch.tensor(1.0))
        self.reset(generator or torch.Generator().manual_seed(0))

    def _next_state(self, number: int) -> int:
        """Return the channels that a level's update ends with."""
        if number + 1 == len(self.hierarchy.levels):
            return 0
        return self.config.levels[number + 1].state * (4 if self._halves(number) else 1)

    def _halves(self, number: int) -> bool:
        """Return whether the level after this one has half its stride."""
        return self.hierarchy.levels[number].stride == 2 * self.hierarchy.levels[number + 1].stride

    def reset(self, generator: torch.Generator) -> None:
        """Draw all initial weights from `generator`."""
        for module in self.modules():
            if isinstance(module, Dense):
                module.reset(generator)
            elif isinstance(module, nn.Linear):
                with torch.no_grad():
                    module.weight.normal_(0, module.in_features**-0.5, generator=generator)
                    module.bias.zero_()
        with torch.no_grad():
            for embedding in self.embeddings:
                embedding.normal_(0, 0.5, generator=generator)

    def conditions(self, log_step: Tensor, gray: Tensor) -> Tensor:
        """Return `(N, CONDITION_WIDTH)` from natural log of the step and a gray flag, `(N,)`."""
        step = (log_step - STEP_LOG_CENTER) / STEP_LOG_SPREAD
        condition: Tensor = self.condition(torch.stack([step, gray.to(step.dtype)], 1))
        return condition

    def tails(self) -> tuple[Tensor, Tensor]:
        """Return the share of the wider logistic and its width in widths of the first."""
        return torch.sigmoid(self.tail_share_logit), 1 + torch.exp(self.tail_width_log)

    def features(self, number: int, codes: Tensor) -> Tensor:
        """Return the network's view of codes `(N, C, H, W)`: `(N, C * embedding, H, W)`."""
        return self.head.features(self, number, codes)

    def forward(self, codes: list[Tensor], condition: Tensor) -> list[tuple[Tensor, ...]]:
        """Return each level's parameters: one output `(N, outputs, H, W)` a stage.

        Args:
            codes: int64 `(N, C, H, W)` a level, whole context tiles.
            condition: from `conditions`.
        """
        parameters = []
        state: Tensor | None = None
        for number, level_codes in enumerate(codes):
            features = self.features(number, level_codes)
            parameters.append(self.level_outputs(number, state, features, condition))
            state = self.next_state(number, state, features, condition)
        return parameters

    def level_outputs(
        self, number: int, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> tuple[Tensor, ...]:
        """Return one level's parameters: an output `(N, outputs, H, W)` a stage.

        Args:
            number: of the level.
            state: from `next_state` of the level before; None for the first.
            features: from `features`, of the level's codes.
            condition: from `conditions`.
        """
        return self._stages(self.levels[number], state, features, condition)

    def next_state(
        self, number: int, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> Tensor | None:
        """Return the running state that the level after `number` sees; None after the last."""
        if not len(self.levels[number].update):
            return None
        return self._advance(number, state, features, condition)

    def _stages(
        self, level: PixelCnnLevel, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> tuple[Tensor, ...]:
        """Return one output a stage; each sees the true codes of the stages before it."""
        state = _within(state, features)
        hidden = activation(level.first.causal(state, features, condition))
        outputs = []
        channels = sum(len(stage.channels) for stage in level.config.stages)
        for stage, config in zip(level.stages, level.config.stages, strict=True):
            inner = activation(stage.hidden.square(hidden, condition, 1))
            outputs.append(stage.out.square(inner, condition, 1))
            columns = self.head.columns(config.channels, features.shape[1], channels)
            hidden = torch.cat([hidden, features[:, columns].to(hidden.dtype)], 1)
        return tuple(outputs)

    def _advance(
        self, number: int, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> Tensor:
        """Return the running state `(N, state, H, W)` of the next level."""
        level = self.levels[number]
        state = _within(state, features)
        x = features if state is None else torch.cat([state, features.to(state.dtype)], 1)
        kernels = [*(layer.kernel for layer in level.config.update), 1]
        for layer, kernel in zip(level.update, kernels, strict=True):
            x = activation(layer.square(x, condition, kernel))
        return functional.pixel_shuffle(x, 2) if self._halves(number) else x

    def code_lengths(self, codes: list[Tensor], condition: Tensor, gray: Tensor) -> list[Tensor]:
        """Return each level's code length in bits of every picture of the batch, `(N,)`.

        Args:
            codes: int64 `(N, C, H, W)` a level, whole context tiles.
            condition: from `conditions`.
            gray: `(N,)` bool; a gray picture has the codes of the first stages alone.
        """
        outputs = self(codes, condition)
        return [
            self.head.bits(self, number, outputs[number], level, gray)
            for number, level in enumerate(codes)
        ]


def _within(state: Tensor | None, features: Tensor) -> Tensor | None:
    """Return the part of a state for which there are codes: a picture may end inside a coarser cell."""
    if state is None:
        return None
    return state[:, :, : features.shape[2], : features.shape[3]]
