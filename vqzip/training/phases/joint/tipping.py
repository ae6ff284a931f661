"""Codes chosen by rate and distortion, and the gradient that passes where they tip.

A code changes only when its latent crosses the point where another code becomes cheaper: the code tips
there. The straight-through gradient (van den Oord 2017, section 3.2) is correct on average if latents are
spread evenly. But nearly all codes are zero, and with it the networks learn to shift whole subbands within
their dead zone, which stays invisible until the shift is large enough to tip codes. So the gradient passes
only near the points where codes tip, in a narrow window, with a weight that grows as the window shrinks. The
slope of the error passes on both sides of the point, because tipping changes the squared error by the mean of
the slopes at both codes. The slope of the bits is the difference of the two code lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits

TIPPING_WIDTH = 0.1
"""Distance in steps from a tipping point within which codes pass the gradient."""


@dataclass(frozen=True)
class Chosen:
    """Codes of a level, and how they change when their latents move.

    Args:
        codes: float, `(N, C, h, w)`.
        follow: number of codes that tip for each step of the latent, of the same shape.
        bits: change of the code length for each step of the latent, of the same shape.
    """

    codes: Tensor
    follow: Tensor
    bits: Tensor

    def drawn(self, latents: Tensor, z_q: Tensor) -> Tensor:
        """Return `z_q`; its gradient reaches latents near tipping points."""
        return z_q + self.follow * (latents - latents.detach())

    def tipped_bits(self, latents: Tensor) -> Tensor:
        """Return zeros of the shape of the latents, with the gradient of the code length."""
        return self.bits * (latents - latents.detach())


def choose_codes(
    latents: Tensor, parameters: LogisticParameters, tails: tuple[Tensor, Tensor], price: float
) -> Chosen:
    """Return codes by rate and distortion: the nearest, the next one toward zero, or zero.

    A code follows its latent within `TIPPING_WIDTH` of a tipping point, with weights whose integral over
    each point is 1. Their sum over a subband estimates how many codes tip when all latents move by a step.

    Args:
        latents: `(N, C, H, W)` in steps.
        parameters: of the prior, of the same shape.
        tails: share and width of the prior's second logistic.
        price: of a bit, in squared steps.
    """
    codes = torch.zeros_like(latents)
    # All other codes are zero, far from any tipping point.
    at = (latents.abs() > 0.5 - TIPPING_WIDTH).nonzero(as_tuple=True)
    z = latents[at]
    near = z.sign() * z.abs().round().clamp(min=1)
    here = LogisticParameters(parameters.mean[at], parameters.log_scale[at])
    sign = near.sign()
    candidates = torch.stack([near, near - sign, torch.zeros_like(near), near + sign])
    bits = torch.stack([logistic_bits(candidate, here, *tails) for candidate in candidates])
    cost = (candidates - z).square() + price * bits
    best = cost[:3].argmin(0, keepdim=True)
    codes[at] = candidates.gather(0, best)[0] * (z.abs() > 0.5)
    # The difference of the costs of two neighbors changes by 2 when the latent moves by 1.
    to_lower, to_higher = (cost[1] - cost[0]) / 2, (cost[3] - cost[0]) / 2
    to_lower = torch.where(z.abs() > 0.5, to_lower, torch.minimum(to_lower, z.abs() - 0.5))
    distance = torch.stack([to_lower, to_higher]).abs()
    weights = (1 - distance / TIPPING_WIDTH).clamp(min=0) / TIPPING_WIDTH
    tipped = weights * sign * torch.stack([bits[0] - bits[1], bits[3] - bits[0]])
    follow, slope = torch.zeros_like(codes), torch.zeros_like(codes)
    follow[at], slope[at] = weights.sum(0), tipped.sum(0)
    return Chosen(codes, follow, slope)
