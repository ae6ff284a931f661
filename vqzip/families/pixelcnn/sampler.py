"""Samples from a gated PixelCNN with cached activations: every feature is computed once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vqzip.families.pixelcnn.network import GatedPixelCnn, gate


class CachedSampler:
    """Logits of one position after the other, in raster order.

    Args:
        network: in evaluation mode.
        count: maps at once.
        labels: `(count,)`, for models with classes.
    """

    def __init__(self, network: GatedPixelCnn, count: int, labels: Tensor | None) -> None:
        self._network, self._labels = network, labels
        config = network.config
        like = next(network.parameters())
        self._values = torch.zeros(
            (count, 1, 1, config.width), dtype=torch.int64, device=like.device
        )
        widths = [1 + config.embedding, *(config.hidden for _ in network.gated)]
        # The rows of the vertical stack that the next row sees, input of each layer, padded at the sides.
        self._rows = [
            like.new_zeros(count, width, layer.reach, config.width + 2 * layer.reach)
            for width, layer in zip(widths, network.gated, strict=False)
        ]
        blank = like.new_zeros(count, 2 * config.hidden, 1, config.width)
        self._down = [layer.down(blank) for layer in network.gated]
        self._left = self._blank_left()

    def logits(self, column: int) -> Tensor:
        """Return logits `(count, values)` of a column of the current row; columns come from the left."""
        network = self._network
        own: Tensor | None = None
        for number, layer in enumerate(network.gated):
            left = self._left[number]
            if own is not None:
                left = torch.cat([left, own], 3)
            result = layer.horizontal(left)
            down = self._down[number][:, :, :, column : column + 1]
            # The vertical stack of this position is not known yet, and not needed.
            _, new = layer.combined(
                result, down, result, result if own is None else own, self._labels
            )
            if own is not None:
                self._left[number] = left[:, :, :, 1:]
            own = new
        assert own is not None  # noqa: S101  (a model has at least one layer)
        logits: Tensor = network.head(own)
        return logits[:, :, 0, 0]

    def put(self, column: int, values: Tensor) -> None:
        """Set the values `(count,)` of the column whose logits were asked for."""
        self._values[:, 0, 0, column] = values
        known = self._network.inputs(self._values[:, :, :, column : column + 1])
        self._left[0] = torch.cat([self._left[0], known], 3)[:, :, :, 1:]

    def end_row(self) -> None:
        """Compute the vertical stack of the finished row."""
        features = self._network.inputs(self._values)
        for number, layer in enumerate(self._network.gated):
            padded = functional.pad(features, (layer.reach, layer.reach))
            rows = torch.cat([self._rows[number], padded], 2)
            above = layer.vertical(rows)
            self._rows[number] = rows[:, :, 1:]
            self._down[number] = layer.down(above)
            for_above, _ = layer.class_terms(self._labels)
            features = gate(above + for_above)
        self._left = self._blank_left()

    def _blank_left(self) -> list[Tensor]:
        """Return what lies to the left of the first column, for each layer: zeros."""
        rows = zip(self._rows, self._network.gated, strict=True)
        return [
            kept.new_zeros(kept.shape[0], kept.shape[1], 1, layer.reach) for kept, layer in rows
        ]


def sampled(
    network: GatedPixelCnn,
    count: int,
    labels: Tensor | None,
    generator: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Tensor:
    """Return maps from the model, `(count, 1, H, W)` int64.

    Args:
        network: in evaluation mode.
        count: number of maps.
        labels: `(count,)`, for models with classes.
        generator: of all random numbers, on the CPU.
        temperature: divides the logits.
        top_k: only the so many most probable values of a position; None for all.
    """
    sampler = CachedSampler(network, count, labels)
    rows = []
    for _ in range(network.config.height):
        row = []
        for column in range(network.config.width):
            probabilities = sharpened(sampler.logits(column), temperature, top_k).cpu()
            drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
            sampler.put(column, drawn)
            row.append(drawn)
        sampler.end_row()
        rows.append(torch.stack(row, 1))
    return torch.stack(rows, 1)[:, None]


def sharpened(logits: Tensor, temperature: float, top_k: int | None) -> Tensor:
    """Return probabilities `(n, values)` at a temperature, of the most probable values."""
    if top_k is not None and top_k < logits.shape[1]:
        lowest = logits.topk(top_k, 1).values[:, -1:]
        logits = logits.masked_fill(logits < lowest, float("-inf"))
    return torch.softmax(logits / temperature, 1)
