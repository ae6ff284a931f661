"""The compiled walk equals NumPy's: codes, streams, running states, errors."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest

from tools.golden.make import CASES, EXPECTED
from tools.prior.compare import Different, compare, random_case
from tools.prior.fingerprint import CODEBOOK, GRID, fixed_codes, fixed_tensors
from tools.prior.random_priors import codebook_configs, grid_configs, random_prior
from tools.prior.walks import Picture, draw, read, write
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.codec.codec import load
from vqzip.codes import CodebookChoice, GridChoice
from vqzip.errors import CodingError, InvalidFile, Truncated
from vqzip.prior.backend import ChosenCodes, KnownCodes, RandomCodes, StreamCodes
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.library import Library
from vqzip.prior.compiled.pack import fits
from vqzip.prior.config import PriorConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.quality import Quality

GRID_PRIOR = random_prior(*grid_configs())
STRIDES = (64, 64, 32)


@pytest.mark.parametrize("number", range(60))
def test_random_priors_and_maps(libraries: list[Library], number: int) -> None:
    assert compare(random_case(number), libraries[number % len(libraries)])


@pytest.mark.slow
def test_more_random_priors_and_maps(libraries: list[Library]) -> None:
    for number in range(1000, 1400):
        compare(random_case(number), libraries[number % len(libraries)])


def test_a_difference_is_seen(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(
        case for case in map(random_case, range(100)) if case.prior.config.head == "logistic"
    )
    monkeypatch.setattr("vqzip.prior.numpy.grids.LARGEST_MEAN16", 3)
    with pytest.raises(Different, match=f"case {case.number}, "):
        compare(case, library)


@pytest.mark.parametrize("configs", [GRID, CODEBOOK], ids=["grid", "codebook"])
def test_every_set_of_instructions_gives_the_golden_stream(
    libraries: list[Library], configs: tuple[VqvaeConfig, PriorConfig]
) -> None:
    # Weights of the whole range, so that sums are far beyond what float32 holds.
    prior = ExactPrior.from_tensors(*configs, fixed_tensors(*configs))
    codes = fixed_codes(configs[0])
    expected, _ = write(NumpyBackend(prior), Picture(500, 600), codes)
    assert fits(prior)
    for library in libraries:
        assert write(CompiledBackend(prior, library), Picture(500, 600), codes)[0] == expected


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_golden_files_have_the_same_codes_with_both_walks(library: Library, folder: object) -> None:
    codec = load(str(folder))
    prior = codec.model.prior
    for backend in (NumpyBackend(prior), CompiledBackend(prior, library)):
        codec.backend = backend
        for name, expected in json.loads((codec.model.path / EXPECTED).read_text("utf-8")).items():
            data = (codec.model.path / f"{name}.vqz").read_bytes()
            assert codec.decode_codes(data).sha256() == expected["codes"]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_do_not_matter(
    library: Library, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQZIP_THREADS", threads)
    monkeypatch.setattr("vqzip.prior.compiled.backend.SHARED_POSITIONS", 0)
    picture = Picture(900, 1100, 5)
    codes = draw(GRID_PRIOR, STRIDES, picture, seed=3)
    backend = CompiledBackend(GRID_PRIOR, library)
    data, _ = write(backend, picture, codes)
    assert data == write(NumpyBackend(GRID_PRIOR), picture, codes)[0]
    assert all(map(np.array_equal, read(backend, STRIDES, picture, data), codes))


def test_sums_beyond_32_bits_are_left_to_numpy() -> None:
    configs = grid_configs()
    tensors = dict(GRID_PRIOR.to_tensors())
    bias = tensors["levels.1.first.bias"].copy()
    bias[0, 0] = 1 << 31
    tensors["levels.1.first.bias"] = bias
    assert fits(GRID_PRIOR)
    assert not fits(ExactPrior.from_tensors(*configs, tensors))


def test_a_larger_state_than_the_map_is_cut(library: Library) -> None:
    # The map of 1 x 1 positions becomes a state of 2 x 2, of which an odd picture needs less.
    picture = Picture(33, 1)
    codes = draw(GRID_PRIOR, STRIDES, picture, seed=1)
    backend = CompiledBackend(GRID_PRIOR, library)
    assert write(backend, picture, codes)[0] == write(NumpyBackend(GRID_PRIOR), picture, codes)[0]


def test_streams_that_cannot_be_are_refused(library: Library) -> None:
    backend = CompiledBackend(GRID_PRIOR, library)
    with pytest.raises(Truncated, match="5 bytes"):
        backend.reader(bytes(5))
    with pytest.raises(InvalidFile, match="zero word"):
        backend.reader(bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    reader = backend.reader(bytes([1, 0, 0, 0]))
    with pytest.raises(InvalidFile, match="does not end where its codes do"):
        reader.finish()


def test_what_does_not_fit_the_level_is_refused(library: Library) -> None:
    backend = CompiledBackend(GRID_PRIOR, library)
    condition = GRID_PRIOR.condition(Quality(0), gray=False)
    nothing = np.zeros((1, 1, 0), np.int16)
    writer = backend.writer()
    two_channels = np.zeros((2, 1, 1), np.int32)
    with pytest.raises(CodingError, match="level 0 has 3 int32 codes a position"):
        backend.code(0, KnownCodes(two_channels, writer), nothing, condition)
    with pytest.raises(CodingError, match="level 1 needs a state of 6 channels"):
        backend.code(1, StreamCodes((1, 1), backend.reader(b"")), nothing, condition)
    for choice, message in (
        (GridChoice(np.zeros((2, 1, 1)), 0.1), "as many channels"),
        (GridChoice(np.full((3, 1, 1), np.nan), 0.1), "must be numbers"),
        (CodebookChoice(np.zeros((4, 1, 1)), np.zeros((1, 3, 5, 4)), 0.1), "latents of a grid"),
    ):
        with pytest.raises(CodingError, match=message):
            backend.code(0, ChosenCodes(choice, writer), nothing, condition)


def test_a_writer_can_be_forgotten(library: Library) -> None:
    backend = CompiledBackend(GRID_PRIOR, library)
    picture = Picture(256, 256)
    codes = draw(GRID_PRIOR, STRIDES, picture, seed=1)
    writer = backend.writer()
    walk = picture.walk(backend)
    walk.code(KnownCodes(codes[0], writer))
    structure = writer.structure
    assert structure.symbols
    del writer, walk
    gc.collect()
    assert structure.symbols is None


def test_codebooks_are_drawn_at_any_temperature(library: Library) -> None:
    prior = random_prior(*codebook_configs(5))
    for temperature in (1.0, 0.5):
        drawn = []
        for backend in (NumpyBackend(prior), CompiledBackend(prior, library)):
            source = RandomCodes((9, 9), np.random.default_rng(1), temperature)
            nothing = np.zeros((9, 9, 0), np.int16)
            drawn.append(backend.code(0, source, nothing, prior.condition(Quality(0), gray=False)))
        assert np.array_equal(drawn[0], drawn[1])
