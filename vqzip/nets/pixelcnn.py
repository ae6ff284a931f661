"""The prior as a float network, for training: a PixelCNN from coarse level to fine.

Every layer is one matrix over gathered inputs, in the layout that `exact_prior` computes with
integers (design: van den Oord 2016, Conditional Image Generation with PixelCNN Decoders;
Salimans 2017, PixelCNN++, for the discretised logistic). Training sees whole context tiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.configs import CodebookConfig, PriorConfig, PriorLevelConfig, VqvaeConfig

TAPS = (
    *((-2, column) for column in range(-2, 4)),
    *((-1, column) for column in range(-2, 2)),
    *((0, column) for column in range(-2, 0)),
)
"""Offsets (row, column) of the causal context; each has a rank below that of (0, 0)."""

CONDITION_WIDTH = 16
ACTIVATION_LIMIT = 2047 / 256
LARGEST_MAGNITUDE = 255
SCALES = 64
SMALLEST_SCALE, LARGEST_SCALE = 0.03, 64.0
SCALE_RATIO = math.log(LARGEST_SCALE / SMALLEST_SCALE) / (SCALES - 1)
SCALE_GAIN, SCALE_CENTRE = 8.0, 24.0
"""The network's second output o names the scale index SCALE_CENTRE + SCALE_GAIN * o."""


def magnitude_table() -> Tensor:
    """Return log2(1 + n) / 2 for n = 0..255, rounded to 1/256 as the integer prior holds it."""
    n = torch.arange(LARGEST_MAGNITUDE + 1, dtype=torch.float64)
    return (torch.log2(1 + n) * 128).round().div(256).float()


def activation(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 1/8, clipped to what 12-bit integers hold."""
    return functional.leaky_relu(x, 0.125).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


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
        """Apply over a `kernel` x `kernel` neighbourhood with zeros outside the tile."""
        weight = self.weight.view(kernel, kernel, -1, self.weight.shape[1]).permute(3, 2, 0, 1)
        out = functional.conv2d(x, weight, padding=kernel // 2)
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)

    def causal(self, state: Tensor | None, features: Tensor, condition: Tensor) -> Tensor:
        """Apply to the state at a position and the features at `TAPS` around it."""
        channels, outputs = features.shape[1], self.weight.shape[1]
        entering = self.weight.shape[0] - len(TAPS) * channels
        kernel = self.weight.new_zeros(18, channels, outputs)
        places = [(row + 2) * 6 + column + 2 for row, column in TAPS]
        kernel[places] = self.weight[entering:].view(len(TAPS), channels, outputs)
        weight = kernel.view(3, 6, channels, outputs).permute(3, 2, 0, 1)
        out = functional.conv2d(functional.pad(features, (2, 3, 2, 0)), weight)
        if state is not None:
            out = out + functional.conv2d(state, self.weight[:entering].t()[:, :, None, None])
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)


class PixelCnnStage(nn.Module):
    """Hidden and output layer of the codes that are coded together."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = Dense(inputs, hidden)
        self.out = Dense(hidden, outputs, gain=0.3)


class PixelCnnLevel(nn.Module):
    """The layers of one level: the causal first layer, the stages, the state's update."""

    def __init__(self, config: PriorLevelConfig, features: int, outputs: int, next_state: int) -> None:
        super().__init__()
        channels = sum(len(stage.channels) for stage in config.stages)
        self.config = config
        self.first = Dense(config.state + len(TAPS) * channels * features, config.hidden)
        self.stages = nn.ModuleList()
        earlier = 0
        for stage in config.stages:
            count = len(stage.channels)
            self.stages.append(
                PixelCnnStage(config.hidden + earlier * features, stage.hidden, count * outputs)
            )
            earlier += count
        self.update = nn.ModuleList()
        if next_state:
            width = config.state + channels * features
            for layer in config.update:
                self.update.append(Dense(layer.kernel**2 * width, layer.width))
                width = layer.width
            self.update.append(Dense(width, next_state))


@dataclass(frozen=True)
class LogisticParameters:
    """Means in steps and natural log of scales, both `(N, C, H, W)` in channel order."""

    mean: Tensor
    log_scale: Tensor


class PixelCnn(nn.Module):
    """Code lengths of all levels of a batch of context tiles.

    Args:
        vqvae: whose codes are coded.
        prior: widths, stages and head.
        generator: for the initial weights.
    """

    magnitude: Tensor

    def __init__(
        self, vqvae: VqvaeConfig, prior: PriorConfig, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.vqvae, self.config = vqvae, prior
        self.levels = nn.ModuleList()
        for number, (level, config) in enumerate(zip(vqvae.levels, prior.levels, strict=True)):
            next_state = self._next_state(number)
            self.levels.append(
                PixelCnnLevel(config, prior.embedding, self._outputs(number), next_state)
            )
            del level
        self.condition = nn.Sequential(
            nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, CONDITION_WIDTH), nn.Tanh()
        )
        self.embeddings = nn.ParameterList()
        if prior.head == "categorical":
            for level in vqvae.levels:
                assert isinstance(level.quantizer, CodebookConfig)
                self.embeddings.append(
                    torch.empty(level.channels, level.quantizer.size, prior.embedding)
                )
        self.register_buffer("magnitude", magnitude_table(), persistent=False)
        # A second, wider logistic gives the tails: its share and its width relative to the first.
        self.tail_share_logit = nn.Parameter(torch.tensor(-3.0))
        self.tail_width_log = nn.Parameter(torch.tensor(1.0))
        self.reset(generator or torch.Generator().manual_seed(0))

    def _next_state(self, number: int) -> int:
        if number + 1 == len(self.vqvae.levels):
            return 0
        halves = self.vqvae.levels[number].stride == 2 * self.vqvae.levels[number + 1].stride
        return self.config.levels[number + 1].state * (4 if halves else 1)

    def _outputs(self, number: int) -> int:
        quantizer = self.vqvae.levels[number].quantizer
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
        inputs = torch.stack([(log_step - 3.3) / 0.8, gray.float()], 1)
        return self.condition(inputs)  # type: ignore[no-any-return]

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
        absolute = self.magnitude[codes.abs().clamp(max=LARGEST_MAGNITUDE)]
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

    def forward(
        self, codes: list[Tensor], condition: Tensor
    ) -> list[tuple[Tensor, ...]]:
        """Return each level's parameters: one output `(N, outputs, H, W)` a stage.

        Args:
            codes: int64 `(N, C, H, W)` a level, whole context tiles.
            condition: from `conditions`.
        """
        parameters = []
        state: Tensor | None = None
        for number, level in enumerate(self.levels):
            features = self.features(number, codes[number])
            parameters.append(self._stages(level, state, features, condition))
            if len(level.update):
                state = self._advance(number, level, state, features, condition)
        return parameters

    def _stages(
        self, level: nn.Module, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> tuple[Tensor, ...]:
        assert isinstance(level, PixelCnnLevel)
        hidden = activation(level.first.causal(state, features, condition))
        outputs = []
        for stage, config in zip(level.stages, level.config.stages, strict=True):
            assert isinstance(stage, PixelCnnStage)
            inner = activation(stage.hidden.square(hidden, condition, 1))
            outputs.append(stage.out.square(inner, condition, 1))
            known = self.stage_features(features, config.channels)
            hidden = torch.cat([hidden, known.to(hidden.dtype)], 1)
        return tuple(outputs)

    def _advance(
        self, number: int, level: nn.Module, state: Tensor | None, features: Tensor, condition: Tensor
    ) -> Tensor:
        assert isinstance(level, PixelCnnLevel)
        x = features if state is None else torch.cat([state, features.to(state.dtype)], 1)
        kernels = [*(layer.kernel for layer in level.config.update), 1]
        for layer, kernel in zip(level.update, kernels, strict=True):
            assert isinstance(layer, Dense)
            x = activation(layer.square(x, condition, kernel))
        halves = self.vqvae.levels[number].stride == 2 * self.vqvae.levels[number + 1].stride
        return functional.pixel_shuffle(x, 2) if halves else x

    def logistic_parameters(
        self, number: int, outputs: tuple[Tensor, ...], codes: Tensor
    ) -> LogisticParameters:
        """Put one level's stage outputs into channel order, as means and log scales."""
        stages = self.config.levels[number].stages
        order = [channel for stage in stages for channel in stage.channels]
        back = [order.index(channel) for channel in range(len(order))]
        halves = [out.float().chunk(2, 1) for out in outputs]
        mean = torch.cat([half[0] for half in halves], 1)[:, back]
        index = SCALE_CENTRE + SCALE_GAIN * torch.cat([half[1] for half in halves], 1)[:, back]
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
        lengths = []
        for number, outputs in enumerate(self(codes, condition)):
            stages = self.config.levels[number].stages
            if self.config.head == "categorical":
                bits = torch.zeros(len(gray), device=gray.device)
                for stage, out in zip(stages, outputs, strict=True):
                    logits = out.float().unflatten(1, (len(stage.channels), -1)).transpose(1, 2)
                    wanted = codes[number][:, list(stage.channels)].long()
                    nats = functional.cross_entropy(logits, wanted, reduction="none")
                    bits = bits + nats.flatten(1).sum(1) / math.log(2)
            else:
                parameters = self.logistic_parameters(number, outputs, codes[number])
                each = logistic_bits(codes[number].float(), parameters, *self.tails())
                if self.config.gray_stages:
                    coded = {c for stage in stages[: self.config.gray_stages] for c in stage.channels}
                    luma = torch.tensor([c in coded for c in range(each.shape[1])], device=gray.device)
                    each = each * (luma[None] | ~gray[:, None])[:, :, None, None]
                bits = each.flatten(1).sum(1)
            lengths.append(bits)
        return lengths


def logistic_bits(
    codes: Tensor, parameters: LogisticParameters, tail_share: Tensor, tail_width: Tensor
) -> Tensor:
    """Return -log2 of a mixture of two discretised logistics with one mean (PixelCNN++, eq. 2).

    With x = (q + 1/2 - m) / b and y = (q - 1/2 - m) / b, both folded to the lower tail:
    sigma(x) - sigma(y) = sigma(x) sigma(-y) (1 - exp(-1 / b)), which has a gradient everywhere.
    """
    distance = (codes - parameters.mean).abs()
    narrow = _log_logistic(distance, parameters.log_scale)
    wide = _log_logistic(distance, parameters.log_scale + torch.log(tail_width))
    nats = -torch.logaddexp(torch.log1p(-tail_share) + narrow, torch.log(tail_share) + wide)
    return nats / math.log(2)


def _log_logistic(distance: Tensor, log_scale: Tensor) -> Tensor:
    inverse = torch.exp(-log_scale)
    upper = functional.logsigmoid((0.5 - distance) * inverse)
    lower = functional.logsigmoid((0.5 + distance) * inverse)
    return upper + lower + torch.log(-torch.expm1(-inverse))
