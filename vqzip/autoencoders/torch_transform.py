"""The networks in torch for the codec: for devices other than the CPU, or without ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders import discrete
from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.autoencoders.transform import NO_PICTURES, Floats, Part
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.errors import ModelError


class TorchTransform:
    """A `Transform` by networks in torch.

    Args:
        networks: in evaluation mode.
        device: where they are.
    """

    def __init__(self, networks: discrete.Transform, device: torch.device) -> None:
        self.networks, self._device = networks, device
        self.conditional = networks.conditional

    @own_arithmetic()
    def analyze(self, pixels: Floats, step: float) -> TorchAnalysis:
        """See `Transform`."""
        steps = self.steps(step)
        return TorchAnalysis(self, self.networks.analyze(self.tensor(pixels), steps), steps)

    @own_arithmetic()
    def synthesize(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`."""
        maps = [self.tensor(each) for each in quantized]
        return _array(self.networks.synthesize(maps, self.steps(step)))[:, part[0], part[1]]

    @own_arithmetic()
    def reduced(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`."""
        if not isinstance(self.networks, WaveletTransform):
            raise ModelError(NO_PICTURES)
        maps = [self.tensor(each) for each in quantized]
        pixels = _array(self.networks.reduced(maps, self.steps(step)))
        return pixels[:, part[0], part[1]]

    def steps(self, step: float) -> Tensor:
        """Return the step of one picture, `(1,)`."""
        return torch.full((1,), step, device=self._device, dtype=torch.float32)

    def tensor(self, array: Floats) -> Tensor:
        """Return an array as a batch of one."""
        # torch does not accept read-only arrays.
        own = array if array.flags.writeable else array.copy()
        return torch.from_numpy(own).to(self._device)[None]


class TorchAnalysis:
    """An `Analysis` by networks in torch.

    Args:
        transform: the networks.
        features: of every level.
        steps: `(1,)`.
    """

    def __init__(self, transform: TorchTransform, features: list[Tensor], steps: Tensor) -> None:
        self._transform, self._features, self._steps = transform, features, steps
        self._quantized: list[Tensor] = []

    @own_arithmetic()
    def latents(self, level: int) -> Floats:
        """See `Analysis`."""
        networks = self._transform.networks
        return _array(networks.latent(level, self._features, self._quantized, self._steps))

    @own_arithmetic()
    def take(self, level: int, quantized: Floats) -> None:
        """See `Analysis`."""
        del level
        self._quantized.append(self._transform.tensor(quantized))


def _array(batch: Tensor) -> Floats:
    array: Floats = batch[0].float().numpy(force=True)
    return array


def tensors_of(vqvae: torch.nn.Module) -> dict[str, NDArray[np.generic]]:
    """Return the weights of a VQ-VAE as a model folder has them, by name."""
    return {name: tensor.numpy(force=True) for name, tensor in vqvae.state_dict().items()}
