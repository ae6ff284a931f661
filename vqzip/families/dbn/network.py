"""Restricted Boltzmann machines, stacks of them, and their partition functions.

An RBM has the energy -b v - c h - v W h. A deep belief network has an RBM on top, and below it layers that are sampled
downward with the weights of the RBMs that they were trained as (Hinton, Osindero and Teh 2006).
"""

from __future__ import annotations

import itertools
import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.families.dbn.config import DbnConfig

MOST_ENUMERATED = 18
"""Layers of at most so many units are summed over exactly."""

CHUNK = 1 << 12


class Rbm(nn.Module):
    """A restricted Boltzmann machine of binary units.

    Args:
        visible: number of visible units.
        hidden: number of hidden units.
    """

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.01 * torch.randn(visible, hidden))
        self.visible_bias = nn.Parameter(torch.zeros(visible))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    def hidden(self, visible: Tensor) -> Tensor:
        """Return the logits of p(h = 1 | v), `(N, hidden)`."""
        return visible @ self.weight + self.hidden_bias

    def visible(self, hidden: Tensor) -> Tensor:
        """Return the logits of p(v = 1 | h), `(N, visible)`."""
        return hidden @ self.weight.T + self.visible_bias

    def log_mass(self, visible: Tensor, beta: float = 1.0) -> Tensor:
        """Return log p(v) + log Z, minus the free energy, `(N,)`.

        Args:
            visible: `(N, visible)`.
            beta: factor of the weights and the hidden biases; with 0, units are independent.
        """
        terms = functional.softplus(beta * self.hidden(visible)).sum(-1)
        return visible @ self.visible_bias + terms

    def gibbs(self, visible: Tensor, generator: torch.Generator, beta: float = 1.0) -> Tensor:
        """Return the visible units after one step of Gibbs sampling."""
        hidden = bernoulli(beta * self.hidden(visible), generator)
        return bernoulli(beta * (hidden @ self.weight.T) + self.visible_bias, generator)

    def log_partition(self) -> float:
        """Return log Z, by a sum over all states of the smaller layer.

        Raises:
            ValueError: both layers have more than `MOST_ENUMERATED` units.
        """
        visible, hidden = self.weight.shape
        if min(visible, hidden) > MOST_ENUMERATED:
            raise ValueError("too many states; use annealed importance sampling")
        units = min(visible, hidden)
        sums = []
        for first in range(0, 1 << units, CHUNK):
            numbers = torch.arange(first, min(first + CHUNK, 1 << units), device=self.weight.device)
            states = ((numbers[:, None] >> torch.arange(units, device=numbers.device)) & 1).float()
            if units == visible:
                sums.append(self.log_mass(states).logsumexp(0))
            else:
                terms = functional.softplus(self.visible(states)).sum(-1)
                sums.append((states @ self.hidden_bias + terms).logsumexp(0))
        return float(torch.stack(sums).logsumexp(0))

    def estimated_log_partition(self, chains: int, steps: int, generator: torch.Generator) -> float:
        """Return log Z by annealed importance sampling from independent units (Salakhutdinov and Murray 2008).

        Args:
            chains: number of weights that are averaged.
            steps: of annealing.
            generator: of all random numbers.
        """
        start = self.visible_bias.expand(chains, -1)
        visible = bernoulli(start, generator)
        logs = torch.zeros(chains, dtype=torch.float64, device=start.device)
        for number in range(steps):
            before, beta = number / steps, (number + 1) / steps
            logs += self.log_mass(visible, beta) - self.log_mass(visible, before)
            visible = self.gibbs(visible, generator, beta)
        independent = functional.softplus(self.visible_bias).sum()
        base = float(independent) + self.weight.shape[1] * math.log(2)
        return base + float(logs.logsumexp(0)) - math.log(chains)


class Dbn(nn.Module):
    """A stack of RBMs.

    Args:
        config: sizes.
    """

    def __init__(self, config: DbnConfig) -> None:
        super().__init__()
        self.config = config
        units = config.units
        self.machines = nn.ModuleList(
            Rbm(below, above) for below, above in itertools.pairwise(units)
        )

    @property
    def rbms(self) -> list[Rbm]:
        """The machines, from the pictures up."""
        return [cast("Rbm", machine) for machine in self.machines]

    def loss(
        self, values: Tensor, _labels: Tensor | None, generator: torch.Generator, progress: float
    ) -> dict[str, Tensor]:
        """Return the contrastive divergence of the layer whose turn it is; see `vqzip.training.likelihood`.

        The gradient of its difference of free energies is <v h> of the data minus <v h> after the Gibbs steps
        (Hinton 2002). Layers take equal shares of the training, one after another.

        Args:
            values: `(N, C, H, W)`, 0 and 1.
            generator: of all random numbers.
            progress: share of the training that is done.
        """
        number = min(int(progress * len(self.rbms)), len(self.rbms) - 1)
        machine = self.rbms[number]
        with torch.no_grad():
            data = binary(values)
            for below in self.rbms[:number]:
                data = bernoulli(below.hidden(data), generator)
            model = data
            for _ in range(self.config.gibbs):
                model = machine.gibbs(model, generator)
            shown = torch.sigmoid(machine.visible(torch.sigmoid(machine.hidden(data))))
            error = (shown - data).square().mean()
        difference = machine.log_mass(model).mean() - machine.log_mass(data).mean()
        layer = torch.tensor(float(number))
        return {"loss": difference, "layer": layer, "reconstruction_mse": error}

    def bound(self, values: Tensor, log_partition: float, generator: torch.Generator) -> Tensor:
        """Return an upper bound on -log p(v) in nats from one sample of the units above, `(N,)`.

        With one layer it is exact. The bound is log p(v, h) - log q(h | v), with q the upward pass.

        Args:
            values: `(N, C, H, W)`, 0 and 1.
            log_partition: of the top RBM.
            generator: of the units.
        """
        below = binary(values)
        total = torch.zeros(len(below), device=below.device)
        for machine in self.rbms[:-1]:
            logits = machine.hidden(below)
            above = bernoulli(logits, generator)
            total = (
                total + log_bernoulli(below, machine.visible(above)) - log_bernoulli(above, logits)
            )
            below = above
        return log_partition - self.rbms[-1].log_mass(below) - total

    def sampled(self, count: int, steps: int, generator: torch.Generator) -> Tensor:
        """Return probabilities of the pictures' samples `(count, C * H * W)` after Gibbs sampling at the top."""
        top = self.rbms[-1]
        # The units start independently, each with its bias.
        units = bernoulli(top.visible_bias.expand(count, -1), generator)
        for _ in range(steps - 1):
            units = top.gibbs(units, generator)
        logits = top.visible(bernoulli(top.hidden(units), generator))
        for machine in reversed(self.rbms[:-1]):
            logits = machine.visible(bernoulli(logits, generator))
        return torch.sigmoid(logits)


def binary(values: Tensor) -> Tensor:
    """Return pictures `(N, C, H, W)` as floats of 0 and 1, `(N, C * H * W)`."""
    return values.clamp(max=1).flatten(1).float()


def bernoulli(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Return units that are 1 with probability sigmoid(logits)."""
    drawn = torch.rand(logits.shape, generator=generator).to(logits.device)
    return (drawn < torch.sigmoid(logits)).float()


def log_bernoulli(units: Tensor, logits: Tensor) -> Tensor:
    """Return the logarithm of the probability of binary units, summed over them: `(N,)`."""
    return (units * logits - functional.softplus(logits)).sum(-1)
