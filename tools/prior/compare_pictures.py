"""Compare the compiled walk with NumPy's on the codes of pictures, at every quality.

    python -m tools.prior.compare_pictures kodak --model photo

Both choose codes from the same latents and write them; each reads what was written. Prints how many codes,
and in how many pictures anything differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from tools.bench.compiled_walk import decode, encode, material
from vqzip.codec.codec import load
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.library import library
from vqzip.prior.numpy.backend import NumpyBackend


def main() -> int:
    """Compare; the exit status is 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of PNG files")
    parser.add_argument("--model", default="photo")
    parser.add_argument("--price", type=float, default=0.1, help="of a bit in squared steps")
    arguments = parser.parse_args()
    codec, compiled = load(arguments.model), library()
    if compiled is None:
        raise SystemExit("there is no compiled walk to compare with.")
    prior = codec.model.prior
    backends = NumpyBackend(prior), CompiledBackend(prior, compiled)
    qualities = range(1, 9) if codec.model.config.vqvae.quality is not None else [1]
    pictures, codes, different = 0, 0, 0
    for path in sorted(arguments.folder.glob("*.png")):
        for quality in qualities:
            made = material(codec, path, quality, arguments.price)
            written = [encode(backend, made) for backend in backends]
            found = [decode(backend, made, written[0][1]) for backend in backends]
            maps = [written[0][0], written[1][0], *found]
            equal = written[0][1] == written[1][1] and all(
                all(map(np.array_equal, maps[0], others)) for others in maps[1:]
            )
            pictures, codes = pictures + 1, codes + sum(level.size for level in maps[0])
            different += not equal
            if not equal:
                print(f"{path.name} at quality {quality} differs", flush=True)
        print(f"{path.name}: {pictures} pictures, {codes:,} codes, {different} differ", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
