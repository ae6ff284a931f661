"""Time the walk over the codes of a picture, compiled and by NumPy, in one process.

    OMP_NUM_THREADS=1 VQZIP_THREADS=1 python -m tools.bench.compiled_walk kodak/kodim23.png

Prints a table of milliseconds, medians by the clock and of processor time: decode the codes; choose and
encode them. All walks choose from the same latents; their codes and streams are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.codec import Codec, load
from vqzip.codec.latents import LatentTransform
from vqzip.codec.tile_streams import TileCoder
from vqzip.codec.tiles import TileGrid
from vqzip.codes import CodebookChoice, Frame, GridChoice
from vqzip.errors import UsageError
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.read import read_picture
from vqzip.prior.backend import Backend, ChosenCodes, Source, State, StreamCodes
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.library import open_library
from vqzip.prior.compiled.pack import fits
from vqzip.prior.exact.prior import Condition
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.prior.walk import PriorWalk
from vqzip.quality import Quality
from vqzip.threads import thread_count

Codes = list[NDArray[np.int32]]


class NotingBackend(NumpyBackend):
    """NumPy's walk, which keeps the choices that it is asked to make.

    Attributes:
        choices: a level each.
    """

    def code(
        self, level: int, source: Source, state: State, condition: Condition
    ) -> NDArray[np.int32]:
        """Pass the codes of a level; see `Backend`."""
        if isinstance(source, ChosenCodes):
            self.choices.append(source.choice)
        return super().code(level, source, state, condition)

    choices: list[GridChoice | CodebookChoice]


@dataclass(frozen=True)
class Material:
    """What is timed: a picture's first stream tile.

    Args:
        choices: of each level.
        quality_step: of the picture.
        stream_of_level: number of the stream of each level.
    """

    choices: list[GridChoice | CodebookChoice]
    quality: Quality
    stream_of_level: tuple[int, ...]


def material(codec: Codec, path: Path, quality: float, price: float) -> Material:
    """Return the choices that a codec makes in a picture."""
    picture = read_picture(path, max_pixels=MAX_PIXELS, strict=False)
    config = codec.model.config.vqvae
    frame = Frame(picture.width, picture.height, config.nearest_quality(quality), picture.is_gray)
    backend = NotingBackend(codec.model.prior)
    backend.choices = []
    grid = TileGrid(picture.width, picture.height, 1 << 16)
    latents = LatentTransform(codec.model.autoencoder).of_tile(picture.pixels, grid, 0, frame)
    TileCoder(backend, config, frame).encode(latents, price)
    return Material(backend.choices, frame.quality, tuple(config.stream_of_level))


def encode(backend: Backend, made: Material) -> tuple[Codes, list[bytes]]:
    """Choose codes and write them."""
    walk = PriorWalk(backend, made.quality, gray=False)
    writers = [backend.writer() for _ in range(max(made.stream_of_level) + 1)]
    streams = zip(made.choices, made.stream_of_level, strict=True)
    codes = [walk.code(ChosenCodes(choice, writers[stream])) for choice, stream in streams]
    return codes, [writer.finish() for writer in writers]


def decode(backend: Backend, made: Material, streams: list[bytes]) -> Codes:
    """Read codes."""
    walk = PriorWalk(backend, made.quality, gray=False)
    readers = [backend.reader(stream) for stream in streams]
    levels = zip(made.choices, made.stream_of_level, strict=True)
    return [walk.code(StreamCodes(choice.shape, readers[stream])) for choice, stream in levels]


def milliseconds(do: Callable[[], object], repeats: int) -> str:
    """Return the median time of a call by the clock, and of the processor."""
    clock, processor = [], []
    for _ in range(repeats):
        started = time.perf_counter(), time.process_time()
        do()
        clock.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return f"{1000 * statistics.median(clock):.1f} / {1000 * statistics.median(processor):.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--quality", type=float, default=4.0)
    parser.add_argument("--price", type=float, default=0.1, help="of a bit in squared steps")
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args()
    codec = load(arguments.model)
    prior = codec.model.prior
    made = material(codec, arguments.picture, arguments.quality, arguments.price)
    backends: dict[str, Backend] = {"NumPy": NumpyBackend(prior)}
    for name in ("plain", "sse2", "neon", "avx2", "avx512"):
        try:
            library = open_library(name)
        except UsageError:
            continue
        if library is not None and fits(prior):
            backends[library.name] = CompiledBackend(prior, library)
    codes, streams = encode(backends["NumPy"], made)
    print(f"{thread_count()} threads; {sum(map(len, streams))} bytes")
    print("| walk | decode, ms (clock / processor) | choose and encode, ms | codes and streams |")
    print("|---|---:|---:|---|")
    for name, backend in backends.items():
        again, same = encode(backend, made)
        read = decode(backend, made, streams)
        equal = same == streams and all(map(np.array_equal, again + read, codes + codes))
        times = [
            milliseconds(partial(decode, backend, made, streams), arguments.repeats),
            milliseconds(partial(encode, backend, made), arguments.repeats),
        ]
        print(f"| {name} | {times[0]} | {times[1]} | {'equal' if equal else 'DIFFER'} |")


if __name__ == "__main__":
    main()
