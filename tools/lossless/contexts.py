"""Samples of photographs, each with what the pixel prior knows of it, as training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqzip.codec.lossless.samples import DEPTH, planes_of
from vqzip.codec.tiles import TileGrid
from vqzip.errors import UsageError
from vqzip.prior.compiled.library import library
from vqzip.prior.compiled.pixels import CompiledPixels
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.spec import FEATURES, TILE_LOG2

VARIED_SIDE = 320


@dataclass(frozen=True)
class Contexts:
    """Samples of one plane.

    Args:
        features: `(N, F)` int16.
        prediction: `(N,)` int32, in 1/64.
        expected: `(N,)` int32, 4 · log2 of the expected error in 1/64.
        sample: `(N,)` uint16.
    """

    features: NDArray[np.int16]
    prediction: NDArray[np.int32]
    expected: NDArray[np.int32]
    sample: NDArray[np.uint16]


Change = Callable[[Image.Image, np.random.Generator], Image.Image]
"""What is done with a picture before its samples are taken."""


def unchanged(image: Image.Image, _generator: np.random.Generator) -> Image.Image:
    """Return a picture as it is."""
    return image


def halved(image: Image.Image, _generator: np.random.Generator) -> Image.Image:
    """Return a picture at half of its width and height, which removes traces of JPEG."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def enlarged(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Return an enlarged part of a picture with noise, as cameras and scanners make it.

    A third of the pictures lose half of the resolution of their colors, too.
    """
    side = int(VARIED_SIDE / generator.uniform(1.15, 1.9))
    left, top = (int(generator.integers(0, size - side)) for size in image.size)
    part = image.crop((left, top, left + side, top + side))
    part = part.resize((VARIED_SIDE, VARIED_SIDE), Image.Resampling.BICUBIC)
    if generator.random() < 1 / 3:
        luma, *chroma = part.convert("YCbCr").split()
        small = [plane.reduce(2).resize(part.size, Image.Resampling.BILINEAR) for plane in chroma]
        part = Image.merge("YCbCr", (luma, *small)).convert("RGB")
    noise = generator.choice((0, 0.7, 1.5, 2.5, 4))
    of_color = noise * generator.choice((0, 0.3, 0.7))
    pixels = np.asarray(part) + generator.normal(0, noise, (VARIED_SIDE, VARIED_SIDE, 1))
    pixels += generator.normal(0, of_color, pixels.shape)
    return Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))


def collect(
    paths: Sequence[Path], prior: PixelPrior, change: Change, *, share: float, seed: int
) -> list[Contexts]:
    """Return a random share of the samples of pictures, for each plane.

    Args:
        paths: of the pictures.
        prior: whose predictors run; its networks do not matter.
        change: what is done with each picture first.
        share: of all samples.
        seed: of the choice.
    """
    generator = np.random.default_rng(seed)
    found: list[list[Contexts]] = [[] for _ in FEATURES]
    for planes, notes in _tiles(paths, prior, change, generator):
        for plane, features in enumerate(FEATURES):
            chosen = generator.random(planes.shape[1:]) < share
            some = notes[plane][chosen]
            found[plane].append(
                Contexts(
                    some["features"][:, :features].copy(),
                    some["prediction"],
                    some["expected"],
                    planes[plane][chosen],
                )
            )
    return [joined(parts) for parts in found]


def joined(parts: Sequence[Contexts]) -> Contexts:
    """Return several sets as one."""
    names = ("features", "prediction", "expected", "sample")
    return Contexts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _tiles(
    paths: Sequence[Path], prior: PixelPrior, change: Change, generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.void]]]:
    compiled = library()
    if compiled is None:
        raise UsageError(
            "training needs the compiled walk; run `python -m vqzip.prior.compiled.compile`."
        )
    pixels = CompiledPixels(prior, compiled)
    for path in paths:
        image = change(Image.open(path).convert("RGB"), generator)
        planes = planes_of(np.asarray(image))
        for tile in TileGrid(image.width, image.height, 1 << TILE_LOG2):
            samples = planes[(slice(None), *tile.slices)]
            yield samples, pixels.notes(samples, DEPTH)
