"""The compiled walk and Python code the same bytes, and get the same samples back."""

import numpy as np
import pytest

from tools.lossless.random_priors import random_prior
from vqzip.errors import CodingError, InvalidFile
from vqzip.prior.compiled.library import NAMES, kernel_names, library, open_library
from vqzip.prior.compiled.pixels import CompiledPixels
from vqzip.prior.pixels.backend import Samples
from vqzip.prior.pixels.python import PythonPixels

compiled = library()
NEEDS_LIBRARY = pytest.mark.skipif(compiled is None, reason="there is no compiled walk")


def picture(planes: int, height: int, width: int, depth: int, seed: int) -> Samples:
    """Smooth shades, noise, and a corner of extreme values."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    smooth = (rows * 3 + columns * 2) * (1 << depth) // 200
    noise = generator.normal(0, (1 << depth) / 40, (planes, height, width))
    samples = np.clip(smooth + noise, 0, (1 << depth) - 1)
    samples[:, height // 2 :, width // 2 :] = generator.integers(0, 2) * ((1 << depth) - 1)
    whole: Samples = samples.astype(np.uint16)
    return whole


SHAPES = [(1, 1, 1, 8, 0), (3, 1, 5, 8, 0), (3, 9, 1, 8, 16), (3, 19, 23, 8, 16), (1, 17, 20, 16, 16), (3, 8, 9, 16, 0)]  # fmt: skip


@NEEDS_LIBRARY
@pytest.mark.parametrize(("planes", "height", "width", "depth", "known"), SHAPES)
def test_python_and_the_compiled_walk_write_the_same_bytes(
    planes: int, height: int, width: int, depth: int, known: int
) -> None:
    samples = picture(planes, height, width, depth, seed=height)
    prior = random_prior(width)
    expected = PythonPixels(prior).write(samples, depth, known)
    names = {name: number for number, name in NAMES.items()}
    assert compiled is not None
    for name in kernel_names(compiled.functions):
        found = open_library(names[name])
        assert found is not None
        assert CompiledPixels(prior, found).write(samples, depth, known) == expected


@pytest.mark.parametrize(("planes", "height", "width", "depth", "known"), SHAPES)
def test_samples_come_back(planes: int, height: int, width: int, depth: int, known: int) -> None:
    samples = picture(planes, height, width, depth, seed=width)
    prior = random_prior(height)
    backends = [PythonPixels(prior)] + ([CompiledPixels(prior, compiled)] if compiled else [])
    for backend in backends:
        data = backend.write(samples, depth, known)
        read = np.zeros_like(samples)
        if known:
            read[:, ::known, ::known] = samples[:, ::known, ::known]
        backend.read(data, read, depth, known)
        assert np.array_equal(read, samples)


def test_a_stream_that_does_not_end_with_its_samples_is_refused() -> None:
    samples = picture(3, 12, 12, 8, seed=5)
    prior = random_prior(5)
    backends = [PythonPixels(prior)] + ([CompiledPixels(prior, compiled)] if compiled else [])
    for backend in backends:
        data = backend.write(samples, 8, 0)
        for cut in (data[:-4], data + b"\1\0\0\0"):
            with pytest.raises(InvalidFile):
                backend.read(cut, np.zeros_like(samples), 8, 0)


def test_samples_with_too_many_bits_are_refused() -> None:
    samples = np.full((1, 4, 4), 256, np.uint16)
    prior = random_prior(6)
    backends = [PythonPixels(prior)] + ([CompiledPixels(prior, compiled)] if compiled else [])
    for backend in backends:
        with pytest.raises(CodingError, match="8 bits"):
            backend.write(samples, 8, 0)
