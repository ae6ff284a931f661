"""Compare the compiled walk with NumPy's on random priors and maps.

    python -m tools.prior.compare --cases 10000

A case is made from its number alone. Everything must be equal: codes that are drawn, known, chosen and
read, the bytes of their streams, and the errors of damaged ones. `VQZIP_WALK` chooses the instructions.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tools.prior.random_priors import codebook_configs, grid_configs, random_tensors
from tools.prior.walks import Codes, Picture, read, write, write_from
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.codes import CodebookChoice, GridChoice
from vqzip.errors import VqzipError
from vqzip.prior.backend import Backend, ChosenCodes, RandomCodes, Source, Writer
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.library import SWITCH, Library, open_library
from vqzip.prior.compiled.pack import fits
from vqzip.prior.config import ConvLayerConfig, PriorConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.exact.grids import Grid
from vqzip.prior.numpy.backend import NumpyBackend

Result = tuple[Codes, bytes] | str
"""Codes and their stream, or the error that there was instead."""

DAMAGES = 3
"""Damaged streams of every case."""


class Different(AssertionError):
    """The two walks are not equal."""


@dataclass(frozen=True)
class Case:
    """A random prior and a random map.

    Args:
        number: of the case.
        prior: of either kind of codes.
        strides: of its levels.
        picture: size, quality, mode.
    """

    number: int
    prior: ExactPrior
    strides: tuple[int, ...]
    picture: Picture

    def rng(self, purpose: int) -> np.random.Generator:
        """Return randomness that is the same for both walks."""
        return np.random.default_rng([self.number, purpose])


def random_case(number: int) -> Case:
    """Return a case; the same number gives the same one."""
    rng = np.random.default_rng([number, 0])
    vqvae, prior = _grid(rng) if rng.random() < 0.6 else _codebook(rng)
    tensors = random_tensors(vqvae, prior, number, middle_scale=float(rng.uniform(0, 50)))
    height, width = (int(rng.choice((1, 40, 300, 600)) * rng.uniform(0.5, 1) + 1) for _ in range(2))
    step, gray = int(rng.integers(vqvae.quality_steps)), bool(rng.random() < 0.3)
    strides = tuple(level.stride for level in vqvae.levels)
    exact = ExactPrior.from_tensors(vqvae, prior, tensors)
    return Case(number, exact, strides, Picture(height, width, step, gray))


def _grid(rng: np.random.Generator) -> tuple[VqvaeConfig, PriorConfig]:
    updates = ((), (ConvLayerConfig(3, 7),), (ConvLayerConfig(1, 18), ConvLayerConfig(3, 5)))
    vqvae, prior = grid_configs(
        strides=((64, 64, 32), (32, 16), (128,), (16, 16, 8))[rng.integers(4)],
        channels=int(rng.integers(1, 12)),
        state=int(rng.integers(1, 40)),
        hidden=int(rng.integers(1, 70)),
        update=updates[rng.integers(3)],
    )
    means = [bool(rng.random() < 0.5) for _ in prior.levels]
    levels = [replace(a, neighbour_mean=b) for a, b in zip(prior.levels, means, strict=True)]
    return vqvae, replace(prior, levels=tuple(levels), gray_stages=int(rng.integers(2)))


def _codebook(rng: np.random.Generator) -> tuple[VqvaeConfig, PriorConfig]:
    size = int(rng.choice((1, 2, 5, 64, 300)))
    vqvae, prior = codebook_configs(size, depth=int(rng.integers(1, 4)))
    return vqvae, replace(prior, embedding=int(rng.integers(1, 8)))


def compare(case: Case, library: Library) -> bool:
    """Do everything with both walks; return whether the compiled one takes the prior at all.

    Raises:
        Different: they do not agree.
    """
    if not fits(case.prior):
        return False
    backends = NumpyBackend(case.prior), CompiledBackend(case.prior, library)

    def both(what: str, do: Callable[[Backend, Case], tuple[Codes, bytes]]) -> Result:
        reference, compiled = (_result(do, backend, case) for backend in backends)
        if not _equal(reference, compiled):
            raise Different(f"case {case.number}, {what}: {_short(reference)}, {_short(compiled)}")
        return reference

    both("chosen", _choose)
    drawn = both("drawn", _draw)
    if isinstance(drawn, str):
        return True
    codes, data = drawn
    both("read", partial(_read, data))
    both("known, one of them changed", partial(_write_changed, codes))
    for number in range(DAMAGES):
        damaged = _damaged(case.rng(10 + number), data)
        both("damaged", partial(_read, damaged))
    return True


def _result(
    do: Callable[[Backend, Case], tuple[Codes, bytes]], backend: Backend, case: Case
) -> Result:
    try:
        return do(backend, case)
    except VqzipError as error:
        return f"{type(error).__name__}: {error}"


def _equal(a: Result, b: Result) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a[1] == b[1] and all(map(np.array_equal, a[0], b[0]))


def _short(result: Result) -> str:
    return result if isinstance(result, str) else f"codes and {len(result[1])} bytes"


def _draw(backend: Backend, case: Case) -> tuple[Codes, bytes]:
    """Draw codes, and write them."""
    rng = case.rng(1)
    temperature = (1.0, 1.0, 0.7, 1.3)[rng.integers(4)]
    walk = case.picture.walk(backend)
    shapes = [case.picture.shape(stride) for stride in case.strides]
    codes = [walk.code(RandomCodes(shape, rng, temperature)) for shape in shapes]
    return codes, write(backend, case.picture, codes)[0]


def _read(data: bytes, backend: Backend, case: Case) -> tuple[Codes, bytes]:
    return read(backend, case.strides, case.picture, data), b""


def _write_changed(codes: Codes, backend: Backend, case: Case) -> tuple[Codes, bytes]:
    """Write known codes of which one was changed, sometimes to none that is legal."""
    rng = case.rng(2)
    changed = [level.copy() for level in codes]
    level = changed[rng.integers(len(changed))]
    level.reshape(-1)[rng.integers(level.size)] = rng.choice((0, 1, -70, 1 << 20, (1 << 20) + 1))
    return changed, write(backend, case.picture, changed)[0]


def _choose(backend: Backend, case: Case) -> tuple[Codes, bytes]:
    """Choose codes by rate and distortion."""
    rng = case.rng(3)
    sources = [_chosen(_choice(case, level, rng)) for level in range(len(case.strides))]
    codes, data, _ = write_from(backend, case.picture, sources)
    return codes, data


def _chosen(choice: GridChoice | CodebookChoice) -> Callable[[Writer], Source]:
    return lambda writer: ChosenCodes(choice, writer)


def _choice(case: Case, level: int, rng: np.random.Generator) -> GridChoice | CodebookChoice:
    prior = case.prior.levels[level]
    shape = case.picture.shape(case.strides[level])
    price = float(rng.choice((0.0, 0.02, 0.1, 1.0)))
    dtype = (np.float32, np.float64)[rng.integers(2)]
    if isinstance(prior.kind, Grid):
        spread = float(rng.choice((0.3, 3.0, 300.0, 2e6)))
        latents = rng.normal(0, spread, (prior.channels, *shape))
        if rng.random() < 0.3:
            latents = (2 * latents).round() / 2  # half way between two codes
        return GridChoice(latents.astype(dtype), price, float(rng.choice((0.5, 0.35))))
    dim = int(rng.choice((1, 4, 64)))
    codebooks = rng.normal(0, 1, (1, prior.channels, prior.kind.outputs, dim))
    if rng.random() < 0.3:
        codebooks = codebooks.round()  # codewords that cost the same
    return CodebookChoice(rng.normal(0, 1, (dim, *shape)).astype(dtype), codebooks, price)


def _damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a stream that was cut, extended, or has other bits."""
    words: NDArray[np.uint32] = np.frombuffer(data, np.uint32).copy()
    kind = rng.integers(4)
    if kind == 0 or not len(words):
        return rng.bytes(4 * int(rng.integers(1, 2 + 2 * len(words))))
    at = int(rng.integers(len(words)))
    if kind == 1:
        return words[:at].tobytes()
    if kind == 2:
        return words.tobytes() + rng.bytes(4)
    words[at] ^= np.uint32(1 << rng.integers(32))
    return words.tobytes()


def digest(numbers: range, library: Library | None) -> str:
    """Return a digest of all that one walk gives, which must be the same on every machine."""
    found = hashlib.sha256()
    for case in map(random_case, numbers):
        backend = CompiledBackend(case.prior, library) if library else NumpyBackend(case.prior)
        for do in (_draw, _choose):
            result = _result(do, backend, case)
            if isinstance(result, str):
                found.update(result.encode())
                continue
            for level in result[0]:
                found.update(level.astype("<i4").tobytes())
            found.update(result[1])
    return found.hexdigest()


def main() -> int:
    """Run cases; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument(
        "--digest", action="store_true", help="print a digest of what one walk gives, instead"
    )
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.cases)
    library = open_library(os.environ.get(SWITCH, ""))
    if arguments.digest:
        print(f"{library.name if library else 'NumPy'}: {digest(numbers, library)}")
        return 0
    if library is None:
        raise SystemExit("there is no compiled walk to compare with.")
    compared, failures = 0, 0
    for number in numbers:
        try:
            compared += compare(random_case(number), library)
        except Different as error:
            failures += 1
            print(error, flush=True)
        if (number + 1) % 500 == 0:
            print(f"{number + 1} cases, {compared} compared, {failures} differ", flush=True)
    print(f"{library.name}: {compared} of {arguments.cases} compared, {failures} differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
