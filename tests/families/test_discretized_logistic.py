"""The discretized logistic distribution against its formula in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vqzip.families.discretized_logistic import LOWEST_LOG_SCALE, log_mass, masses


def by_formula(value: int, mean: float, log_scale: float) -> float:
    """Return the mass of a value, from differences of the cumulative distribution in long doubles."""
    scale = np.exp(np.longdouble(max(log_scale, LOWEST_LOG_SCALE)))
    center = np.longdouble(value) * 2 / 255 - 1 - np.longdouble(mean)
    above = 1.0 if value == 255 else 1 / (1 + np.exp(-(center + np.longdouble(1) / 255) / scale))
    below = 0.0 if value == 0 else 1 / (1 + np.exp(-(center - np.longdouble(1) / 255) / scale))
    return float(above - below)


@pytest.mark.parametrize("log_scale", [-9.0, -6.0, -3.0, 0.0, 2.0])
@pytest.mark.parametrize("mean", [-1.3, -0.2, 0.0, 0.999])
def test_masses_are_those_of_the_formula(mean: float, log_scale: float) -> None:
    values = torch.arange(256)
    whole = torch.full((256,), mean, dtype=torch.float64)
    found = log_mass(values, whole, torch.full_like(whole, log_scale))
    expected = np.array([by_formula(value, mean, log_scale) for value in range(256)])
    likely = expected > 1e-9
    assert found.exp().numpy()[likely] == pytest.approx(expected[likely], rel=2e-3)
    assert bool(found.isfinite().all())
    (row,) = masses(np.array([mean], np.float32), np.array([log_scale], np.float32))
    assert row == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert row.sum() == pytest.approx(1)


def test_gradients() -> None:
    values = torch.tensor([0, 3, 128, 200, 255])
    mean = torch.tensor([-0.9, 0.3, 0.0, 0.5, 0.8], dtype=torch.float64, requires_grad=True)
    log_scale = torch.tensor([-1.0, -1.5, -2.0, 0.3, -2.5], dtype=torch.float64, requires_grad=True)

    def function(mean: Tensor, log_scale: Tensor) -> Tensor:
        # The function centers values in float32, so the check needs no more digits than that.
        return log_mass(values, mean, log_scale)

    assert torch.autograd.gradcheck(function, (mean, log_scale), eps=1e-4, atol=1e-3)


def test_far_values_have_a_gradient_towards_them() -> None:
    mean = torch.tensor([-1.0], requires_grad=True)
    mass = log_mass(torch.tensor([250]), mean, torch.tensor([-6.0])).sum()
    (gradient,) = torch.autograd.grad(mass, mean)
    assert float(gradient) > 100
