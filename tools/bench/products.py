"""Count the products (multiply-accumulates) a pixel of a model's networks: what decoding has to compute.

python -m tools.bench.products photo photo-psnr
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vqzip.autoencoders.discrete import Vqvae
from vqzip.errors import VqzipError
from vqzip.measuring.report.tables import Table
from vqzip.models.folder import load
from vqzip.models.learned import load_float_prior, load_vqvae
from vqzip.prior.float.dense import Dense
from vqzip.prior.float.pixelcnn import PixelCnn

SIDE = 256
"""Of the picture that is decoded for counting; a multiple of every stride."""


def decoder_products(vqvae: Vqvae) -> float:
    """Return the products a pixel of all convolutions and matrices that run in decoding."""
    counted: list[int] = []

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            counted.append(output.numel() // output.shape[1] * layer.weight.numel())
        elif isinstance(layer, nn.ConvTranspose2d):
            # Every input meets the whole kernel; the output is as many times larger as the stride says.
            positions = output.numel() // output.shape[1] // layer.stride[0] ** 2
            counted.append(positions * layer.weight.numel())
        elif isinstance(layer, nn.Linear):
            counted.append(output.numel() // output.shape[-1] * layer.weight.numel())

    hooks = [part.register_forward_hook(count) for part in vqvae.modules()]
    quantized = [
        quantizer.blank(1, SIDE // level.stride, SIDE // level.stride)
        for level, quantizer in zip(vqvae.config.levels, vqvae.quantizers, strict=True)
    ]
    with torch.no_grad():
        vqvae.transform.synthesize(quantized, torch.full((1,), 50.0))
    for hook in hooks:
        hook.remove()
    return sum(counted) / SIDE**2


def prior_products(prior: PixelCnn) -> float:
    """Return the products a pixel of the prior: every matrix, once a position of its level."""
    total = 0.0
    for level, layers in zip(prior.hierarchy.levels, prior.levels, strict=True):
        own = sum(part.weight.numel() for part in layers.modules() if isinstance(part, Dense))
        total += own / level.stride**2
    return total


def table(names: Sequence[str]) -> Table:
    """Count the networks of models."""
    rows = []
    for name in names:
        model = load(name)
        decoder = decoder_products(load_vqvae(model.path))
        prior = prior_products(load_float_prior(model))
        rows.append((name, f"{decoder / 1000:.1f}", f"{prior / 1000:.1f}"))
    return Table(
        "Thousand products a pixel of decoding", ("model", "networks", "prior"), tuple(rows)
    )


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="names or folders of models")
    try:
        sys.stdout.write(table(parser.parse_args().models).markdown())
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
