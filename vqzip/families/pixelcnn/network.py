"""The networks of a gated PixelCNN (van den Oord et al. 2016, section 2).

Two stacks run side by side. The vertical stack sees all rows above, the horizontal stack the row to the left. The
vertical features of a row contain the row itself, so they are moved down by one row before the horizontal stack adds
them. There is no blind spot.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.families.pixelcnn.config import PixelCnnConfig


def gate(features: Tensor) -> Tensor:
    """Return tanh(a) * sigmoid(b) of the two halves of the channels (equation 2)."""
    a, b = features.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedLayer(nn.Module):
    """One layer of both stacks.

    Args:
        config: sizes.
        inputs: channels of both inputs.
        first: whether the input of the horizontal stack is the map itself, of which the own position is hidden.
    """

    def __init__(self, config: PixelCnnConfig, inputs: int, *, first: bool) -> None:
        super().__init__()
        hidden, self.reach = config.hidden, config.kernel // 2
        # The columns that the horizontal stack sees: all to the left, and the own one but in the first layer.
        self.columns = self.reach if first else self.reach + 1
        self.first = first
        self.vertical = nn.Conv2d(inputs, 2 * hidden, (self.reach + 1, config.kernel))
        self.horizontal = nn.Conv2d(inputs, 2 * hidden, (1, self.columns))
        self.down = nn.Conv2d(2 * hidden, 2 * hidden, 1)
        self.residual = nn.Conv2d(hidden, hidden, 1)
        self.classes = nn.Embedding(config.classes, 4 * hidden) if config.classes else None
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, vertical: Tensor, horizontal: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the features of both stacks, `(N, hidden, H, W)`."""
        reach = self.reach
        above = self.vertical(functional.pad(vertical, (reach, reach, reach, 0)))
        moved = functional.pad(above, (0, 0, 1, -1))
        left = functional.pad(horizontal, (reach, -1 if self.first else 0, 0, 0))
        return self.combined(above, self.down(moved), self.horizontal(left), horizontal, labels)

    def combined(
        self, above: Tensor, down: Tensor, left: Tensor, horizontal: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the features of both stacks from the results of their convolutions.

        Args:
            above: of the vertical stack.
            down: what the rows above give to the horizontal stack.
            left: of the horizontal stack.
            horizontal: its input.
            labels: `(N,)`, for models with classes.
        """
        for_above, for_left = self.class_terms(labels)
        new = self.residual(self.dropout(gate(left + down + for_left)))
        return gate(above + for_above), new if self.first else new + horizontal

    def class_terms(self, labels: Tensor | None) -> tuple[Tensor | float, Tensor | float]:
        """Return what a class adds to both stacks (equation 4)."""
        if self.classes is None or labels is None:
            return 0.0, 0.0
        for_above, for_left = self.classes(labels)[:, :, None, None].chunk(2, 1)
        return for_above, for_left


class GatedPixelCnn(nn.Module):
    """A map to the logits of every position, given those before it in raster order.

    Args:
        config: sizes.
    """

    def __init__(self, config: PixelCnnConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.values, config.embedding) if config.embedding else None
        inputs = 1 + config.embedding
        self.layers = nn.ModuleList(
            GatedLayer(config, config.hidden if number else inputs, first=not number)
            for number in range(config.layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(config.hidden, config.output, 1),
            nn.ReLU(),
            nn.Conv2d(config.output, config.values, 1),
        )

    @property
    def gated(self) -> list[GatedLayer]:
        """The layers."""
        return [cast("GatedLayer", layer) for layer in self.layers]

    def inputs(self, values: Tensor) -> Tensor:
        """Return the values of a map `(N, 1, H, W)` as floats from -1 to 1, and their embedding."""
        scaled = values.float() * (2.0 / (self.config.values - 1)) - 1.0
        if self.embed is None:
            return scaled
        return torch.cat([scaled, self.embed(values[:, 0]).permute(0, 3, 1, 2)], 1)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits `(N, values, H, W)` of maps `(N, 1, H, W)` int64."""
        vertical = horizontal = self.inputs(values)
        for layer in self.gated:
            vertical, horizontal = layer(vertical, horizontal, labels)
        logits: Tensor = self.head(horizontal)
        return logits

    def nats(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return -log p of every map, `(N,)`."""
        losses = functional.cross_entropy(self(values, labels), values[:, 0], reduction="none")
        return losses.sum((1, 2))

    def loss(
        self, values: Tensor, labels: Tensor | None, _generator: torch.Generator, _progress: float
    ) -> dict[str, Tensor]:
        """Return `loss` in bits a sample; see `vqzip.training.likelihood`."""
        labels = labels if self.config.classes else None
        bits = self.nats(values, labels).mean() / (math.log(2) * values[0].numel())
        return {"loss": bits, "bits_per_dim": bits.detach()}
