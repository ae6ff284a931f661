"""Phase 3: the float prior to the integers that code."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.configs import VqvaeConfig
from vqzip.nets.logistic_head import (
    SCALE_CENTRE,
    SCALE_GAIN,
    SCALE_RATIO,
    SCALES,
    SMALLEST_SCALE,
)
from vqzip.nets.pixelcnn import Dense, PixelCnn
from vqzip.training.logistic_tables import logistic_tables
from vqzip.training.quantize_prior import (
    ACTIVATION_FRACTION_BITS,
    MEAN_FRACTION_BITS,
    SCALE_FRACTION_BITS,
    quantize_dense,
)

_LARGEST_FEATURE = 2047


@torch.no_grad()
def export_prior(prior: PixelCnn, vqvae: VqvaeConfig) -> dict[str, NDArray[np.generic]]:
    """Return the tensors of `ExactPrior.from_tensors`.

    Args:
        prior: the float network, on the CPU.
        vqvae: gives the steps of the qualities, which become rows of the biases.

    Raises:
        TrainingError: a weight does not fit 12 bits.
    """
    prior = copy.deepcopy(prior).double()
    condition = prior.conditions(*condition_inputs(vqvae, prior.config.modes))
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, layer in prior.named_modules():
        if isinstance(layer, Dense):
            weight, bias = layer.weight.numpy(), layer.biases(condition).numpy()
            bits = np.full(weight.shape[1], ACTIVATION_FRACTION_BITS)
            if name.endswith(".out"):
                weight, bias, bits = _output_units(weight, bias, prior.config.head)
            for part, tensor in quantize_dense(weight, bias, bits).items():
                tensors[f"{name}.{part}"] = tensor
    unit = 2**ACTIVATION_FRACTION_BITS
    if prior.config.head == "categorical":
        for number, table in enumerate(prior.embeddings):
            rounded = (table * unit).round().clamp(-_LARGEST_FEATURE, _LARGEST_FEATURE)
            tensors[f"features.embedding.{number}"] = rounded.numpy().astype(np.int16)
        return tensors
    tensors["features.magnitude"] = (prior.magnitude * unit).round().numpy().astype(np.int16)
    scales = SMALLEST_SCALE * np.exp(SCALE_RATIO * np.arange(SCALES))
    share, width = prior.tails()
    tensors.update(logistic_tables(scales, float(share), float(width)))
    return tensors


def condition_inputs(vqvae: VqvaeConfig, modes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log steps and gray flags of every condition: mode-major, quality-minor."""
    steps = range(vqvae.quality_steps)
    logs = [math.log(vqvae.quality.step(q)) if vqvae.quality else 0.0 for q in steps]
    log_step = torch.tensor(logs * modes, dtype=torch.float64)
    gray = torch.arange(modes).repeat_interleave(vqvae.quality_steps) > 0
    return log_step, gray.double()


def _output_units(
    weight: NDArray[np.float64], bias: NDArray[np.float64], head: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Bring an output layer to the units of the integer heads."""
    outputs = weight.shape[1]
    if head == "categorical":  # logits in units of log2
        scale = 1 / math.log(2)
        return weight * scale, bias * scale, np.full(outputs, ACTIVATION_FRACTION_BITS)
    half = outputs // 2
    gain = np.where(np.arange(outputs) < half, 1.0, SCALE_GAIN)
    offset = np.where(np.arange(outputs) < half, 0.0, SCALE_CENTRE)
    bits = np.where(np.arange(outputs) < half, MEAN_FRACTION_BITS, SCALE_FRACTION_BITS)
    return weight * gain, bias * gain + offset, bits
