"""Phase 3: the float prior to the integers that code."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.hierarchy import Hierarchy
from vqzip.prior.exact.dense import EXACT_FLOAT32
from vqzip.prior.exact.ranges import largest_inputs
from vqzip.prior.export.heads import EXPORTS
from vqzip.prior.export.quantize_layer import quantize_dense
from vqzip.prior.float.dense import Dense
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.prior.spec import (
    FRACTION_BITS,
    LARGEST_ACTIVATION,
)
from vqzip.quality import EVERY_QUALITY


@torch.no_grad()
def export_prior(prior: PixelCnn, hierarchy: Hierarchy) -> dict[str, NDArray[np.generic]]:
    """Return the tensors of `ExactPrior.from_tensors`.

    Weights have the bits that let float32 carry the sums of their layer, at most 12.

    Args:
        prior: the float network, on the CPU.
        hierarchy: gives the steps of the qualities, which become rows of the biases.

    Raises:
        TrainingError: a weight does not fit 12 bits.
    """
    prior = copy.deepcopy(prior).double()
    condition = prior.conditions(*condition_inputs(hierarchy, prior.config.modes))
    head = EXPORTS[prior.config.head]
    features = {name: _to_int16(table) for name, table in head.tables(prior).items()}
    largest = [int(np.abs(table).max(initial=0)) for table in features.values()]
    # Grids share one table, codebooks have one a level.
    largest *= len(hierarchy.levels) // len(largest)
    limits = largest_inputs(hierarchy, prior.config, largest)
    tensors: dict[str, NDArray[np.generic]] = {**features}
    for name, layer in prior.named_modules():
        if isinstance(layer, Dense):
            weight, bias = layer.weight.numpy(), layer.biases(condition).numpy()
            bits = np.full(weight.shape[1], FRACTION_BITS)
            if name.endswith(".out"):
                weight, bias, bits = head.output_units(weight, bias)
            finest = quantize_dense(weight, bias, bits)
            for part, tensor in fit_float32(finest, limits[name]).items():
                tensors[f"{name}.{part}"] = tensor
    tensors.update(head.counts(prior))
    return tensors


def fit_float32(
    layer: Mapping[str, NDArray[np.generic]], largest: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    """Take as many bits from each output channel as it has too many for float32 to carry its sums.

    A wide layer is left 7 to 10 bits a weight, which costs 0.03 percent of code length; float32
    makes the prior twice as fast.

    Args:
        layer: `weight` `(in, out)`, `bias` and `shift` of an `IntegerDense`.
        largest: `(in,)` what the inputs keep within.

    Returns:
        The same three. Channels that have not so many bits to give keep theirs.
    """
    weight, bias = layer["weight"].astype(np.float64), layer["bias"].astype(np.float64)
    shift = layer["shift"].astype(np.int64)
    fitted = {"weight": weight.copy(), "bias": bias.copy(), "shift": shift.copy()}
    # The most bits first, so that the fewest that will do have the last word.
    for bits in range(int(shift.max(initial=0)), -1, -1):
        coarse, coarse_bias = _rounded(weight / 2**bits), np.rint(bias / 2**bits)
        sums = largest @ np.abs(coarse) + np.abs(coarse_bias).max(0)
        fits = (sums < EXACT_FLOAT32) & (bits <= shift)
        fitted["weight"][:, fits] = coarse[:, fits]
        fitted["bias"][:, fits] = coarse_bias[:, fits]
        fitted["shift"][fits] = shift[fits] - bits
    return {part: tensor.astype(layer[part].dtype) for part, tensor in fitted.items()}


def _rounded(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round weights so that the errors of a channel nearly cancel.

    Most inputs are positive, so that an error of the weights' sum is one of the bias.
    """
    rounded = np.rint(weight)
    error = rounded - weight
    for channel, total in enumerate(np.rint(error.sum(0))):
        worst = np.argsort(-np.sign(total) * error[:, channel], kind="stable")[: int(abs(total))]
        rounded[worst, channel] -= np.sign(total)
    return rounded


def condition_inputs(hierarchy: Hierarchy, modes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log steps and gray flags of every condition: mode-major, quality-minor."""
    qualities = EVERY_QUALITY[: hierarchy.quality_steps]
    logs = [math.log(hierarchy.step(quality)) for quality in qualities]
    log_step = torch.tensor(logs * modes, dtype=torch.float64)
    gray = torch.arange(modes).repeat_interleave(hierarchy.quality_steps) > 0
    return log_step, gray.double()


def _to_int16(table: torch.Tensor) -> NDArray[np.int16]:
    """Return a table of features in the units of the integers."""
    units = (table * 2**FRACTION_BITS).round().clamp(-LARGEST_ACTIVATION, LARGEST_ACTIVATION)
    integers: NDArray[np.int16] = units.numpy().astype(np.int16)
    return integers
