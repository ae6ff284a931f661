"""Encoder, decoder and the form for known codes agree, whatever the size."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tools.prior.random_priors import (
    Tensors,
    codebook_configs,
    grid_configs,
    random_prior,
    random_tensors,
)
from tools.prior.walks import (
    Codes,
    Picture,
    RecordingBackend,
    draw,
    numbers,
    parameters_of,
    read,
    write,
    write_from,
)
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.codes import CodebookChoice, GridChoice
from vqzip.errors import CodingError, ModelError, VqzipError
from vqzip.prior.backend import ChosenCodes, KnownCodes
from vqzip.prior.config import PriorConfig
from vqzip.prior.exact import ExactPrior, dense
from vqzip.prior.exact.ranges import largest_inputs
from vqzip.prior.export.float_to_integer import fit_float32
from vqzip.prior.numpy.backend import NumpyBackend

GRID = grid_configs()
GRID_STRIDES = (64, 64, 32)
CODEBOOK_STRIDES = (64, 32)
GRID_PRIOR = random_prior(*GRID)
CODEBOOK_PRIORS = {size: random_prior(*codebook_configs(size)) for size in (1, 2, 5, 300)}

pictures = st.builds(
    Picture, st.integers(1, 700), st.integers(1, 700), st.integers(0, 56), st.booleans()
)
one_quality = st.builds(Picture, st.integers(1, 700), st.integers(1, 700))


def any_grid_codes(picture: Picture, seed: int) -> Codes:
    """Return codes that no prior expects: small, large and huge ones."""
    rng = np.random.default_rng(seed)
    maps = []
    for stride in GRID_STRIDES:
        size = np.exp2(rng.integers(0, 21, (3, *picture.shape(stride))))
        codes = np.rint(rng.uniform(-1, 1, size.shape) * size).astype(np.int32)
        if picture.gray:
            codes[1] = 0
        maps.append(codes)
    return maps


def check_round_trip(
    prior: ExactPrior, strides: tuple[int, ...], picture: Picture, codes: Codes
) -> None:
    written, read_back = RecordingBackend(prior), RecordingBackend(prior)
    data, bits = write(written, picture, codes)
    known_data, known_bits = write(NumpyBackend(prior), picture, codes)
    assert known_data == data
    assert known_bits == pytest.approx(bits)
    assert abs(8 * len(data) - sum(bits)) < 0.01 * sum(bits) + 64
    found = read(read_back, strides, picture, data)
    assert_same(found, codes)
    for asked, again, level in zip(written.asked, read_back.asked, found, strict=True):
        assert asked.by_place() == again.by_place()
        assert level.dtype == np.int32


def assert_same(found: Codes, expected: Codes) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


@given(pictures, st.integers(0, 2**32))
def test_grid_round_trip(picture: Picture, seed: int) -> None:
    check_round_trip(GRID_PRIOR, GRID_STRIDES, picture, any_grid_codes(picture, seed))


@given(pictures, st.integers(0, 2**32))
def test_grid_round_trip_of_samples(picture: Picture, seed: int) -> None:
    codes = draw(GRID_PRIOR, GRID_STRIDES, picture, seed, 0.9)
    if picture.gray:
        assert not any(level[1].any() for level in codes)
    check_round_trip(GRID_PRIOR, GRID_STRIDES, picture, codes)


@given(one_quality, st.sampled_from(sorted(CODEBOOK_PRIORS)), st.integers(0, 2**32))
def test_codebook_round_trip(picture: Picture, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = [
        rng.integers(0, size, (2, *picture.shape(stride))).astype(np.int32)
        for stride in CODEBOOK_STRIDES
    ]
    check_round_trip(CODEBOOK_PRIORS[size], CODEBOOK_STRIDES, picture, codes)


@given(pictures, st.integers(0, 2**32))
def test_all_at_once_equals_step_by_step(picture: Picture, seed: int) -> None:
    codes = any_grid_codes(picture, seed)
    recorder = RecordingBackend(GRID_PRIOR)
    write(recorder, picture, codes)
    for asked, at_once in zip(
        recorder.asked, parameters_of(GRID_PRIOR, picture, codes), strict=True
    ):
        for stage, parameters in enumerate(at_once):
            step_by_step = map(numbers, asked.parameters[stage :: len(at_once)])
            assert np.array_equal(numbers(parameters), np.concatenate(list(step_by_step)))


def normal_latents(picture: Picture, seed: int) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 3, (3, *picture.shape(stride))) for stride in GRID_STRIDES]


def choose(picture: Picture, seed: int, price: float) -> tuple[Codes, bytes]:
    choices = [GridChoice(latents, price) for latents in normal_latents(picture, seed)]
    sources = [partial(ChosenCodes, choice) for choice in choices]
    return write_from(NumpyBackend(GRID_PRIOR), picture, sources)[:2]


@given(pictures, st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 2.0]))
def test_chosen_codes_are_the_decoded_ones(picture: Picture, seed: int, price: float) -> None:
    codes, data = choose(picture, seed, price)
    assert_same(read(NumpyBackend(GRID_PRIOR), GRID_STRIDES, picture, data), codes)


def test_a_price_makes_the_stream_shorter() -> None:
    sizes = [len(choose(Picture(600, 600, 10), 1, price)[1]) for price in (0.0, 0.1)]
    assert sizes[1] < sizes[0]


def parameters_map(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return mean and scale of every code of level 0, `(2, C, H, W)`."""
    recorder = RecordingBackend(GRID_PRIOR)
    write(recorder, Picture(0, 0, 3), [codes])
    found = np.zeros((2, *codes.shape), np.int64)
    for (channel, row, column), values in recorder.asked[0].by_place().items():
        found[:, channel, row, column] = values
    return found


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 2), st.integers(0, 2**32))
def test_a_code_changes_only_what_comes_later(
    row: int, column: int, channel: int, seed: int
) -> None:
    side = 4
    codes = any_grid_codes(Picture(9 * 64, 9 * 64), seed)[0]
    before = parameters_map(codes)
    codes[channel, row, column] += 5
    changed = (parameters_map(codes) != before).any(0)
    rows, columns = np.indices((9, 9))
    same_tile = (rows // side == row // side) & (columns // side == column // side)
    rank = columns % side + 2 * (rows % side)
    own_rank = column % side + 2 * (row % side)
    assert not changed[:, ~same_tile].any()
    assert not changed[:, rank < own_rank].any()
    at_own_rank = changed[:, same_tile & (rank == own_rank)]
    first_stage = [0, 2]
    assert not at_own_rank[first_stage].any()
    if channel == 1:
        assert not at_own_rank.any()


def test_context_tiles_can_be_coded_apart() -> None:
    whole = Picture(256, 700)
    codes = any_grid_codes(whole, 1)
    recorder = RecordingBackend(GRID_PRIOR)
    write(recorder, whole, codes)
    part = [level[:, :, 256 // s :] for level, s in zip(codes, GRID_STRIDES, strict=True)]
    alone = RecordingBackend(GRID_PRIOR)
    write(alone, Picture(256, 700 - 256), part)
    for level, stride in enumerate(GRID_STRIDES):
        everything = recorder.asked[level].by_place()
        for (channel, row, column), values in alone.asked[level].by_place().items():
            assert everything[channel, row, column + 256 // stride] == values


@given(st.integers(0, 2**32), st.sampled_from(["cut", "flip", "extend", "swap"]))
def test_damaged_streams_raise_or_give_codes(seed: int, damage: str) -> None:
    rng = np.random.default_rng(seed)
    picture = Picture(300, 200, 20)
    codes = draw(GRID_PRIOR, GRID_STRIDES, picture, seed)
    data = bytearray(write(NumpyBackend(GRID_PRIOR), picture, codes)[0])
    at = int(rng.integers(len(data)))
    if damage == "cut":
        del data[at:]
    elif damage == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif damage == "extend":
        data += rng.bytes(at + 1)
    else:
        data[:at], data[at:] = data[-at:], data[:-at]
    try:
        codes = read(NumpyBackend(GRID_PRIOR), GRID_STRIDES, picture, bytes(data))
        assert [level.shape[0] for level in codes] == [3, 3, 3]
    except VqzipError:
        pass


def fit_all_float32(vqvae: VqvaeConfig, prior: PriorConfig, tensors: Tensors) -> Tensors:
    """Return tensors whose layers float32 carries."""
    fitted = dict(tensors)
    for name, largest in largest_inputs(vqvae, prior, [2047] * len(vqvae.levels)).items():
        layer = {part: tensors[f"{name}.{part}"] for part in ("weight", "bias", "shift")}
        for part, tensor in fit_float32(layer, largest).items():
            fitted[f"{name}.{part}"] = tensor
    return fitted


def carriers(prior: ExactPrior) -> set[type]:
    """Return what carries the sums of a prior's layers."""
    layers = [layer for level in prior.levels for layer in (level.taps_layer, *level.update)]
    stages = [stage for level in prior.levels for stage in level.stages]
    layers += [layer for stage in stages for layer in (stage.hidden, stage.out)]
    return {layer.carrier for layer in layers}


@pytest.mark.parametrize("configs", [GRID, codebook_configs(5)], ids=["grid", "codebook"])
def test_float32_and_float64_give_the_same_stream(
    configs: tuple[VqvaeConfig, PriorConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = fit_all_float32(*configs, random_tensors(*configs))
    narrow = ExactPrior.from_tensors(*configs, tensors)
    assert carriers(narrow) == {np.float32}
    monkeypatch.setattr(dense, "EXACT_FLOAT32", 0)
    wide = ExactPrior.from_tensors(*configs, tensors)
    assert carriers(wide) == {np.float64}
    strides = tuple(level.stride for level in configs[0].levels)
    picture = Picture(300, 450)
    codes = draw(narrow, strides, picture, 2)
    data, _ = write(NumpyBackend(narrow), picture, codes)
    assert_same(read(NumpyBackend(wide), strides, picture, data), codes)


def test_layers_beyond_float32_are_float64() -> None:
    assert carriers(GRID_PRIOR) == {np.float32, np.float64}


def test_codes_outside_their_codebook_are_refused() -> None:
    codes = [np.full((2, 1, 1), 5, np.int32), np.zeros((2, 2, 2), np.int32)]
    for backend in (NumpyBackend, RecordingBackend):
        with pytest.raises(CodingError, match=r"0\.\.4"):
            write(backend(CODEBOOK_PRIORS[5]), Picture(64, 64), codes)


def test_what_does_not_fit_the_model_is_refused() -> None:
    codes = [np.zeros((3, 1, 1), np.int32), np.zeros((3, 1, 2), np.int32)]
    with pytest.raises(ModelError, match=r"quality goes from 1 to 8"):
        write(NumpyBackend(GRID_PRIOR), Picture(1, 1, 57), codes)
    with pytest.raises(CodingError, match="fits no picture"):
        write(NumpyBackend(GRID_PRIOR), Picture(1, 1), codes)


def test_a_choice_of_the_other_kind_is_refused() -> None:
    grid = GridChoice(np.zeros((3, 4, 5)), 0.1)
    books = CodebookChoice(np.zeros((3, 4, 5)), np.zeros((3, 1, 2, 1)), 0.1)
    for prior, choice, head in (
        (CODEBOOK_PRIORS[5], grid, "logistic head"),
        (GRID_PRIOR, books, "categorical head"),
    ):
        with pytest.raises(CodingError, match=head):
            write_from(NumpyBackend(prior), Picture(1, 1), [partial(ChosenCodes, choice)])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_above_zero(temperature: float) -> None:
    with pytest.raises(CodingError, match="temperature"):
        draw(GRID_PRIOR, GRID_STRIDES, Picture(1, 1), 0, temperature)


def test_levels_that_share_a_stream_are_counted_apart() -> None:
    backend, picture = NumpyBackend(GRID_PRIOR), Picture(300, 200, 20)
    codes = draw(GRID_PRIOR, GRID_STRIDES, picture, 0)
    _, shared = write(backend, picture, codes)
    walk, apart = picture.walk(backend), []
    for level in codes:
        writer = backend.writer()
        walk.code(KnownCodes(level, writer))
        apart.append(writer.code_length_bits())
    assert shared == pytest.approx(apart)
