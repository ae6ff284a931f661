"""Digests of streams that must be the same on every machine.

    python -m tools.prior.fingerprint

Prints a row for the table in docs/promises/exactness.md. Weights and codes come from integer arithmetic
alone, and use the whole range of 12 bits, so that sums are far beyond what float32 holds.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys

import numpy as np

from tools.prior.random_priors import Tensors, codebook_configs, grid_configs, random_tensors
from tools.prior.walks import Codes, Picture, read, write
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.entropy.counts import TOTAL
from vqzip.prior.compiled.library import library
from vqzip.prior.config import ConvLayerConfig, PriorConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.walk import backend_for

GRID = grid_configs((32, 16, 8), channels=9, state=40, hidden=64, update=(ConvLayerConfig(3, 48),))
CODEBOOK = codebook_configs(size=100)
PICTURE = Picture(500, 600)


def fixed_tensors(vqvae: VqvaeConfig, config: PriorConfig) -> Tensors:
    """Return tensors that depend on no random number and no float."""
    tensors = random_tensors(vqvae, config)
    for number, name in enumerate(sorted(tensors)):
        tensor = tensors[name]
        pattern = np.arange(tensor.size, dtype=np.int64) * 7919 + number * 104729
        if name.endswith((".weight", ".bias")):
            tensors[name] = (pattern % 4093 - 2046).reshape(tensor.shape).astype(tensor.dtype)
        elif name.endswith(".shift"):
            tensors[name] = np.full_like(tensor, 15 if ".out" in name else 13)
        elif "embedding" in name:
            tensors[name] = (pattern % 4093 - 2046).reshape(tensor.shape).astype(np.int16)
        elif name in ("tables.wide", "tables.narrow"):
            counts = (1 + pattern % 997).reshape(tensor.shape)
            counts[..., 2] += TOTAL - counts.sum(-1)
            tensors[name] = counts
        elif name == "features.magnitude":
            tensors[name] = (np.arange(256) * 8).astype(np.int16)
        elif name == "tables.low_bits":
            tensors[name] = np.maximum(np.arange(64) // 4 - 12, 0)
        else:
            tensors[name] = np.arange(64) % 3
    return tensors


def fixed_codes(vqvae: VqvaeConfig) -> Codes:
    """Return codes that look random and are mostly small."""
    codes = []
    for number, level in enumerate(vqvae.levels):
        shape = (level.channels, *PICTURE.shape(level.stride))
        noise = (np.arange(np.prod(shape), dtype=np.int64) + number) * 2654435761 % 2**32 >> 16
        codes.append((noise % 97 * noise // 2**16 % 60).astype(np.int32).reshape(shape))
    return codes


def stream_digest(vqvae: VqvaeConfig, config: PriorConfig) -> str:
    """Return the SHA-256 of a stream, after checking that it decodes."""
    prior = ExactPrior.from_tensors(vqvae, config, fixed_tensors(vqvae, config))
    strides = tuple(level.stride for level in vqvae.levels)
    codes = fixed_codes(vqvae)
    backend = backend_for(prior)
    data, _ = write(backend, PICTURE, codes)
    decoded = read(backend, strides, PICTURE, data)
    assert all(np.array_equal(a, b) for a, b in zip(decoded, codes, strict=True))
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    """Print a row of the table."""
    compiled = library()
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    cells = (
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"NumPy {np.__version__}",
        f"{blas['name']} {blas['version']}",
        f"threads {os.environ.get('OPENBLAS_NUM_THREADS', 'default')}",
        f"kernels {os.environ.get('OPENBLAS_CORETYPE', 'default')}",
        compiled.name if compiled else "NumPy",
        stream_digest(*GRID)[:16],
        stream_digest(*CODEBOOK)[:16],
    )
    sys.stdout.write(f"| {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
