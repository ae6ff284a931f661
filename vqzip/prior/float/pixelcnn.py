"""The prior as a float network, for training: a PixelCNN from coarse level to fine.

Every layer is one matrix over gathered inputs, in the layout that `exact_prior` computes with
integers (design: van den Oord 2016, Conditional Image Generation with PixelCNN Decoders;
Salimans 2017, PixelCNN++, for the discretized logistic). Training sees whole context tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.entropy.grid_symbols import SCALES
from vqzip.hierarchy import CodebookConfig, Hierarchy
from vqzip.prior.config import PriorConfig, PriorLevelConfig
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.prior.spec import (
    ABOVE,
    CONTEXT_TAPS,
    FRACTION_BITS,
    LARGEST_ACTIVATION,
    LEAK,
    LEFT,
    MAGNITUDES,
    RIGHT,
    SCALE_CENTER,
    SCALE_GAIN,
    SCALE_RATIO,
    SMALLEST_SCALE,
)

CONDITION_WIDTH = 16
"""Numbers that quality and mode become; every bias is a linear function of them."""

STEP_LOG_CENTER, STEP_LOG_SPREAD = 3.3, 0.8
"""About the mean and the deviation of log(step) for qualities 1 to 8."""

ACTIVATION_LIMIT = LARGEST_ACTIVATION / 2**FRACTION_BITS
"""Activations are clipped to what the integers hold."""


def magnitude_table() -> Tensor:
    """Return log2(1 + n) / 2 for n = 0..255, rounded as the integer prior holds it."""
    n = torch.arange(MAGNITUDES, dtype=torch.float64)
    unit = float(2**FRACTION_BITS)
    rounded = (torch.log2(1 + n) / 2 * unit).round()
    return (rounded / unit).float()


def activation(x: Tensor) -> Tensor:
    """Return the leaky ReLU of slope 1/8, clipped to what 12-bit integers hold."""
    return functional.leaky_relu(x, LEAK).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


class Dense(nn.Module):
    """A matrix over gathered inputs with a bias that depends on the condition.

    Args:
        inputs: numbers gathered at one position: taps x channels, tap-major.
        outputs: channels.
        gain: spread of the initial weights times the square root of `inputs`.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = 1.4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.bias_by_condition = nn.Parameter(torch.zeros(CONDITION_WIDTH, outputs))
        self.gain = gain

    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial weights."""
        spread = self.gain / math.sqrt(self.weight.shape[0])
        with torch.no_grad():
            self.weight.normal_(0, spread, generator=generator)

    def biases(self, condition: Tensor) -> Tensor:
        """Return `(N, outputs)` for conditions `(N, CONDITION_WIDTH)`."""
        return self.bias + condition @ self.bias_by_condition

    def square(self, x: Tensor, condition: Tensor, kernel: int) -> Tensor:
        """Apply over a `kernel` x `kernel` neighborhood with zeros outside the tile.

        Args:
            x: `(N, channels, H, W)`.
            condition: `(N, CONDITION_WIDTH)`.
            kernel: 1 or 3.

        Returns:
            `(N, outputs, H, W)`.
        """
        weight = self.weight.view(kernel, kernel, -1, self.weight.shape[1]).permute(3, 2, 0, 1)
        out = functional.conv2d(x, weight, padding=kernel // 2)
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)

    def causal(self, state: Tensor | None, features: Tensor, condition: Tensor) -> Tensor:
        """Apply to the state at a position and the features at `CONTEXT_TAPS` around it.

        Args:
            state: `(N, state, H, W)` from the coarser levels; None for the first.
            features: `(N, channels, H, W)` of the level's own codes.
            condition: `(N, CONDITION_WIDTH)`.

        Returns:
            `(N, outputs, H, W)`.
        """
        channels, outputs = features.shape[1], self.weight.shape[1]
        entering = self.weight.shape[0] - len(CONTEXT_TAPS) * channels
        rows, columns = ABOVE + 1, LEFT + 1 + RIGHT
        places = [(row + ABOVE) * columns + column + LEFT for row, column in CONTEXT_TAPS]
        kernel = self.weight.new_zeros(rows * columns, channels, outputs)
        kernel[places] = self.weight[entering:].view(len(CONTEXT_TAPS), channels, outputs)
        weight = kernel.view(rows, columns, channels, outputs).permute(3, 2, 0, 1)
        out = functional.conv2d(functional.pad(features, (LEFT, RIGHT, ABOVE, 0)), weight)
        if state is not None:
            out = out + functional.conv2d(state, self.weight[:entering].t()[:, :, None, None])
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)


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
        levels = [
            PixelCnnLevel(config, prior.embedding, self._outputs(number), self._next_state(number))
            for number, config in enumerate(prior.levels)
        ]
        self.levels = cast("Sequence[PixelCnnLevel]", nn.ModuleList(levels))
        self.condition = nn.Sequential(
            nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, CONDITION_WIDTH), nn.Tanh()
        )
        self.embeddings = nn.ParameterList(
            torch.empty(level.channels, level.quantizer.size, prior.embedding)
            for level in hierarchy.levels
            if isinstance(level.quantizer, CodebookConfig)
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

    def _outputs(self, number: int) -> int:
        """Return the outputs of the head for one code: K logits, or mean and scale."""
        quantizer = self.hierarchy.levels[number].quantizer
        return quantizer.size if isinstance(quantizer, CodebookConfig) else 2

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

    def neighbour_mean(self, codes: Tensor) -> Tensor:
        """Return the average of the codes to the left and above, in steps; `(N, C, H, W)`."""
        codes = codes.float()
        left = functional.pad(codes, (1, 0))[:, :, :, :-1]
        above = functional.pad(codes, (0, 0, 1, 0))[:, :, :-1]
        mean = (left + above) / 2
        mean[:, :, 0] *= 2
        mean[:, :, :, 0] *= 2
        mean[:, :, 0, 0] = 0
        return mean

    def features(self, number: int, codes: Tensor) -> Tensor:
        """Return the network's view of codes `(N, C, H, W)`: `(N, C * embedding, H, W)`."""
        if self.config.head == "categorical":
            rows = [
                functional.embedding(codes[:, channel], table)
                for channel, table in enumerate(self.embeddings[number])
            ]
            return torch.cat(rows, 3).permute(0, 3, 1, 2).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)
        if self.config.levels[number].neighbour_mean:
            codes = codes - torch.floor(self.neighbour_mean(codes) + 0.5).to(codes.dtype)
        return self.grid_features(codes)

    def grid_features(self, codes: Tensor) -> Tensor:
        """Return the signed, then the absolute logarithm of each code of a grid: `(N, 2 C, H, W)`."""
        absolute = self.magnitude[codes.abs().clamp(max=MAGNITUDES - 1)]
        signed = absolute * torch.sign(codes)
        # Convolutions of few channels are fastest on the CPU when channels lie together.
        return torch.cat([signed, absolute], 1).contiguous(memory_format=torch.channels_last)

    def stage_features(self, features: Tensor, channels: tuple[int, ...]) -> Tensor:
        """Pick the features of some channels, in the order a later stage sees them."""
        width = self.config.embedding
        if self.config.head == "categorical":
            picked = [c * width + e for c in channels for e in range(width)]
        else:
            count = features.shape[1] // 2
            picked = [*channels, *(count + c for c in channels)]
        return features[:, picked]

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
        hidden = activation(level.first.causal(state, features, condition))
        outputs = []
        for stage, config in zip(level.stages, level.config.stages, strict=True):
            inner = activation(stage.hidden.square(hidden, condition, 1))
            outputs.append(stage.out.square(inner, condition, 1))
            known = self.stage_features(features, config.channels)
            hidden = torch.cat([hidden, known.to(hidden.dtype)], 1)
        return tuple(outputs)

    def _advance(
        self, number: int, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> Tensor:
        """Return the running state `(N, state, H, W)` of the next level."""
        level = self.levels[number]
        x = features if state is None else torch.cat([state, features.to(state.dtype)], 1)
        kernels = [*(layer.kernel for layer in level.config.update), 1]
        for layer, kernel in zip(level.update, kernels, strict=True):
            x = activation(layer.square(x, condition, kernel))
        return functional.pixel_shuffle(x, 2) if self._halves(number) else x

    def logistic_parameters(
        self, number: int, outputs: tuple[Tensor, ...], codes: Tensor
    ) -> LogisticParameters:
        """Put one level's stage outputs into channel order, as means and log scales."""
        stages = self.config.levels[number].stages
        order = [channel for stage in stages for channel in stage.channels]
        back = [order.index(channel) for channel in range(len(order))]
        halves = [out.float().chunk(2, 1) for out in outputs]
        mean = torch.cat([half[0] for half in halves], 1)[:, back]
        index = SCALE_CENTER + SCALE_GAIN * torch.cat([half[1] for half in halves], 1)[:, back]
        if self.config.levels[number].neighbour_mean:
            mean = mean + self.neighbour_mean(codes)
        log_scale = math.log(SMALLEST_SCALE) + SCALE_RATIO * index.clamp(0, SCALES - 1)
        return LogisticParameters(mean, log_scale)

    def code_lengths(self, codes: list[Tensor], condition: Tensor, gray: Tensor) -> list[Tensor]:
        """Return each level's code length in bits of every picture of the batch, `(N,)`.

        Args:
            codes: int64 `(N, C, H, W)` a level, whole context tiles.
            condition: from `conditions`.
            gray: `(N,)` bool; a gray picture has the codes of the first stages alone.
        """
        outputs = self(codes, condition)
        if self.config.head == "categorical":
            return [
                self._categorical_bits(number, outputs[number], codes[number])
                for number in range(len(codes))
            ]
        return [
            self._logistic_bits(number, outputs[number], codes[number], gray)
            for number in range(len(codes))
        ]

    def _categorical_bits(self, number: int, outputs: tuple[Tensor, ...], codes: Tensor) -> Tensor:
        bits = torch.zeros(len(codes), device=codes.device)
        for stage, out in zip(self.config.levels[number].stages, outputs, strict=True):
            logits = torch.unflatten(out.float(), 1, (len(stage.channels), -1)).transpose(1, 2)
            wanted = codes[:, list(stage.channels)].long()
            nats = functional.cross_entropy(logits, wanted, reduction="none")
            bits = bits + nats.flatten(1).sum(1) / math.log(2)
        return bits

    def _logistic_bits(
        self, number: int, outputs: tuple[Tensor, ...], codes: Tensor, gray: Tensor
    ) -> Tensor:
        parameters = self.logistic_parameters(number, outputs, codes)
        bits = logistic_bits(codes.float(), parameters, *self.tails())
        if self.config.gray_stages:
            stages = self.config.levels[number].stages[: self.config.gray_stages]
            luma = torch.zeros(bits.shape[1], dtype=torch.bool, device=bits.device)
            luma[[channel for stage in stages for channel in stage.channels]] = True
            bits = bits * (luma | ~gray[:, None])[:, :, None, None]
        return bits.flatten(1).sum(1)
