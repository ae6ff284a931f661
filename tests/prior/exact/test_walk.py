"""Encoder, decoder and the form for known codes agree, whatever the size."""

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
from tools.prior.walks import Codes, Picture, Recorder, numbers, walk_all, walk_all_known
from vqzip.configs import PriorConfig, VqvaeConfig
from vqzip.errors import CodingError, ModelError, VqzipError
from vqzip.prior.choosers import GridChooser, KnownCodes
from vqzip.prior.exact import ExactPrior, dense
from vqzip.prior.exact.ranges import largest_inputs
from vqzip.prior.export.float_to_integer import fit_float32
from vqzip.prior.streams import Sampler, StreamDecoder, StreamEncoder

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
    written = Recorder(StreamEncoder(KnownCodes(codes)))
    assert_same(walk_all(prior, strides, picture, written), codes)
    assert isinstance(written.source, StreamEncoder)
    data = written.source.finish()
    known = StreamEncoder(KnownCodes(codes))
    walk_all_known(prior, picture, codes, known)
    assert known.finish() == data
    assert dict(known.code_length_bits) == pytest.approx(dict(written.source.code_length_bits))
    total = sum(known.code_length_bits.values())
    assert abs(8 * len(data) - total) < 0.01 * total + 64
    decoder = StreamDecoder(data)
    read = Recorder(decoder)
    assert_same(walk_all(prior, strides, picture, read), codes)
    decoder.finish()
    for level, level_codes in enumerate(codes):
        assert read.of_level(level) == written.of_level(level)
        assert level_codes.dtype == np.int32


def assert_same(found: Codes, expected: Codes) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


@given(pictures, st.integers(0, 2**32))
def test_grid_round_trip(picture: Picture, seed: int) -> None:
    check_round_trip(GRID_PRIOR, GRID_STRIDES, picture, any_grid_codes(picture, seed))


@given(pictures, st.integers(0, 2**32))
def test_grid_round_trip_of_samples(picture: Picture, seed: int) -> None:
    sampler = Sampler(np.random.default_rng(seed), 0.9)
    codes = walk_all(GRID_PRIOR, GRID_STRIDES, picture, sampler)
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
    recorder = Recorder(KnownCodes(codes))
    walk_all(GRID_PRIOR, GRID_STRIDES, picture, recorder)
    state = None
    quality_step, gray = picture.quality_step, picture.gray
    for level, known in enumerate(codes):
        at_once = GRID_PRIOR.forward_known(
            level, known, state, quality_step=quality_step, gray=gray
        )
        for stage, parameters in enumerate(at_once):
            asked = [n for place, n in recorder.asked if place.level == level]
            step_by_step = np.concatenate(asked[stage :: len(at_once)])
            assert np.array_equal(numbers(parameters), step_by_step)
        state = GRID_PRIOR.advance(level, known, state, quality_step=quality_step, gray=gray)


def normal_latents(picture: Picture, seed: int) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 3, (3, *picture.shape(stride))) for stride in GRID_STRIDES]


@given(pictures, st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 2.0]))
def test_chosen_codes_are_the_decoded_ones(picture: Picture, seed: int, price: float) -> None:
    encoder = StreamEncoder(GridChooser(normal_latents(picture, seed), price))
    codes = walk_all(GRID_PRIOR, GRID_STRIDES, picture, encoder)
    decoder = StreamDecoder(encoder.finish())
    assert_same(walk_all(GRID_PRIOR, GRID_STRIDES, picture, decoder), codes)
    decoder.finish()


def test_a_price_makes_the_stream_shorter() -> None:
    picture = Picture(600, 600, 10)
    sizes = []
    for price in (0.0, 0.1):
        encoder = StreamEncoder(GridChooser(normal_latents(picture, 1), price))
        walk_all(GRID_PRIOR, GRID_STRIDES, picture, encoder)
        sizes.append(len(encoder.finish()))
    assert sizes[1] < sizes[0]


def parameters_map(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return mean and scale of every code of level 0, `(2, C, H, W)`."""
    recorder = Recorder(KnownCodes([codes]))
    GRID_PRIOR.walk(0, codes.shape[1:], None, recorder, quality_step=3, gray=False)
    found = np.zeros((2, *codes.shape), np.int64)
    for (channel, row, column), values in recorder.of_level(0).items():
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
    recorder = Recorder(KnownCodes(codes))
    walk_all(GRID_PRIOR, GRID_STRIDES, whole, recorder)
    part = [level[:, :, 256 // s :] for level, s in zip(codes, GRID_STRIDES, strict=True)]
    alone = Recorder(KnownCodes(part))
    walk_all(GRID_PRIOR, GRID_STRIDES, Picture(256, 700 - 256), alone)
    for level, stride in enumerate(GRID_STRIDES):
        everything = recorder.of_level(level)
        for (channel, row, column), values in alone.of_level(level).items():
            assert everything[channel, row, column + 256 // stride] == values


@given(st.integers(0, 2**32), st.sampled_from(["cut", "flip", "extend", "swap"]))
def test_damaged_streams_raise_or_give_codes(seed: int, damage: str) -> None:
    rng = np.random.default_rng(seed)
    picture = Picture(300, 200, 20)
    encoder = StreamEncoder(Sampler(rng, 1.0))
    walk_all(GRID_PRIOR, GRID_STRIDES, picture, encoder)
    data = bytearray(encoder.finish())
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
        decoder = StreamDecoder(bytes(data))
        codes = walk_all(GRID_PRIOR, GRID_STRIDES, picture, decoder)
        assert [level.shape[0] for level in codes] == [3, 3, 3]
        decoder.finish()
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
    encoder = StreamEncoder(Sampler(np.random.default_rng(2), 1.0))
    codes = walk_all(narrow, strides, picture, encoder)
    decoder = StreamDecoder(encoder.finish())
    assert_same(walk_all(wide, strides, picture, decoder), codes)
    decoder.finish()


def test_layers_beyond_float32_are_float64() -> None:
    assert carriers(GRID_PRIOR) == {np.float32, np.float64}


def test_codes_outside_their_codebook_are_refused() -> None:
    codes = [np.full((2, 1, 1), 5, np.int32), np.zeros((2, 2, 2), np.int32)]
    encoder = StreamEncoder(KnownCodes(codes))
    with pytest.raises(CodingError, match=r"0\.\.4"):
        walk_all(CODEBOOK_PRIORS[5], CODEBOOK_STRIDES, Picture(64, 64), encoder)
    with pytest.raises(CodingError, match=r"0\.\.4"):
        CODEBOOK_PRIORS[5].forward_known(0, codes[0], None, quality_step=0, gray=False)


def test_what_does_not_fit_the_model_is_refused() -> None:
    source = KnownCodes([np.zeros((3, 1, 1), np.int32)])
    with pytest.raises(ModelError, match=r"quality step 57 is outside 0\.\.56"):
        GRID_PRIOR.walk(0, (1, 1), None, source, quality_step=57, gray=False)
    with pytest.raises(CodingError, match="needs a state"):
        GRID_PRIOR.walk(1, (1, 1), None, source, quality_step=0, gray=False)
