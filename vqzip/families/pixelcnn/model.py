"""A loaded gated PixelCNN: it scores and samples pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.errors import UsageError
from vqzip.families.family import Stored
from vqzip.families.loading import batches, check_pixels, device_of, to_pixels
from vqzip.families.pixelcnn.config import PixelCnnConfig
from vqzip.families.pixelcnn.network import GatedPixelCnn
from vqzip.families.pixelcnn.sampler import sampled
from vqzip.models.abilities import Draw, Pixels, Score, refuse_settings
from vqzip.pictures.picture import Picture

EIGHT_BITS = 256


class PixelCnnModel:
    """A gated PixelCNN of pictures.

    Args:
        stored: its folder.
        network: in evaluation mode.
    """

    def __init__(self, stored: Stored[PixelCnnConfig], network: GatedPixelCnn) -> None:
        self.name, self.config, self.network = stored.config.name, stored.config, network
        self._shape = (self.config.height, self.config.width, self.config.channels)

    @own_arithmetic()
    def score(self, pixels: Pixels, *, labels: Sequence[int] | None = None, seed: int = 0) -> Score:
        """Return -log2 p(x | class) of every picture; without labels, of the mean over all classes.

        Raises:
            PictureError: pictures have another size.
            UsageError: a label is no class of the model.
        """
        del seed
        check_pixels(self.name, pixels, self._shape)
        bits = np.empty(len(pixels))
        for place, values in batches(pixels, self.network, size=50):
            own = None if labels is None else self._labels(labels[place])
            bits[place] = self._nats(values, own).numpy(force=True) / math.log(2)
        return Score(bits, "exact")

    @own_arithmetic()
    def sample(self, draw: Draw) -> list[Picture]:
        """Return pictures pixel by pixel; without a label, of classes at random.

        Raises:
            UsageError: the label is no class of the model, or it has no pixels.
        """
        refuse_settings(self, draw, "size", "quality", *(() if self.config.classes else ("label",)))
        if self.config.values > EIGHT_BITS:
            raise UsageError(f"the model '{self.name}' is one of codes; it has no pictures.")
        generator = torch.Generator().manual_seed(draw.seed)
        labels = None
        if self.config.classes:
            labels = torch.randint(self.config.classes, (draw.count,), generator=generator)
        if draw.label is not None:
            labels = self._labels([draw.label] * draw.count)
        maps = sampled(
            self.network,
            draw.count,
            None if labels is None else labels.to(device_of(self.network)),
            generator,
            draw.temperature,
            draw.top_k,
        )
        # Fewer values than 256, as of binarized pictures, span the range, too.
        shown = (maps * 255) // (self.config.values - 1)
        return [Picture(one[:, :, 0]) for one in to_pixels(shown)]

    def _nats(self, values: Tensor, labels: Tensor | None) -> Tensor:
        if not self.config.classes or labels is not None:
            return self.network.nats(values, labels)
        by_class = [
            -self.network.nats(values, torch.full((len(values),), label, device=values.device))
            for label in range(self.config.classes)
        ]
        return math.log(self.config.classes) - torch.logsumexp(torch.stack(by_class), 0)

    def _labels(self, labels: Sequence[int]) -> Tensor | None:
        """Return labels as the network takes them, None if it has no classes."""
        if not self.config.classes:
            return None
        if not all(0 <= label < self.config.classes for label in labels):
            raise UsageError(
                f"the classes of the model '{self.name}' are 0 to {self.config.classes - 1}."
            )
        return torch.tensor(list(labels), device=device_of(self.network))
