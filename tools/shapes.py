"""Write small pictures of five kinds of shapes, to train on: `python -m tools.shapes --out shapes`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
OVERSAMPLING = 4
"""Edges are smooth: this many samples for each pixel in each direction."""

Grid = NDArray[np.float64]


def disk(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return x**2 + y**2 < 1


def square(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return np.maximum(np.abs(x), np.abs(y)) < 0.85


def triangle(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return (y < 0.8) & (y > 2 * np.abs(x) - 1)


def cross(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return (np.minimum(np.abs(x), np.abs(y)) < 0.3) & (np.maximum(np.abs(x), np.abs(y)) < 1)


def ring(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return disk(x, y) & (x**2 + y**2 > 0.35)


SHAPES: dict[str, Callable[[Grid, Grid], NDArray[np.bool_]]] = {
    "cross": cross,
    "disk": disk,
    "ring": ring,
    "square": square,
    "triangle": triangle,
}


def shape(kind: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return one picture, `(32, 32, 3)`: a shape of a random color, size and place on another color."""
    radius = generator.uniform(6, 11)
    center = generator.uniform(radius + 1, SIDE - radius - 1, 2)
    places = (np.arange(SIDE * OVERSAMPLING) + 0.5) / OVERSAMPLING
    y, x = np.meshgrid(places, places, indexing="ij")
    inside = SHAPES[kind]((x - center[0]) / radius, (y - center[1]) / radius)
    blocks = inside.reshape(SIDE, OVERSAMPLING, SIDE, OVERSAMPLING)
    share = blocks.mean((1, 3))[:, :, None]
    front, back = generator.uniform(130, 255, 3), generator.uniform(0, 90, 3)
    pixels: NDArray[np.uint8] = np.rint(share * front + (1 - share) * back).astype(np.uint8)
    return pixels


def write_shapes(out: Path, count: int, seed: int) -> None:
    """Write `count` pictures, as many of each kind, in a folder for each kind."""
    generator = np.random.default_rng(seed)
    for kind in SHAPES:
        (out / kind).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        kind = list(SHAPES)[number % len(SHAPES)]
        Image.fromarray(shape(kind, generator)).save(out / kind / f"{number:05}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--count", type=int, default=4000, help="number of pictures")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_shapes(arguments.out, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
