"""Damage that nobody covered up: one byte changed, lost or added anywhere, and files that are cut."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tools.fuzz.target import SEEDS
from vqzip.cli.app import run
from vqzip.codec.codec import Codec, load
from vqzip.container.parse import parse_layout
from vqzip.errors import InvalidFile, Truncated

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS = ("tiny", "tiny-vq")
NAMES = ("rgb", "gray", "alpha", "two-tiles", "one-pixel")
FILES = [(model, name) for model in MODELS for name in NAMES]
FRONT_BYTES = 64
"""Bytes that every other value is tried for: the header and what follows it."""

golden_files = pytest.mark.parametrize(("model", "name"), FILES)


@cache
def codec_of(model: str) -> Codec:
    return load(GOLDEN / model)


@cache
def golden(model: str, name: str) -> bytes:
    return (GOLDEN / model / f"{name}.vqz").read_bytes()


def is_refused(codec: Codec, data: bytes) -> bool:
    """Return whether both that decode and that only look refuse a file."""
    for read in (codec.decode_picture, parse_layout):
        with suppress(InvalidFile):
            read(data)
            return False
    return True


@pytest.mark.parametrize(
    ("model", "name"),
    [pytest.param(*file, marks=() if file[1] == "rgb" else pytest.mark.slow) for file in FILES],
)
def test_every_changed_byte_is_refused(model: str, name: str) -> None:
    whole, rng = golden(model, name), random.Random(name)  # noqa: S311
    tried = refused = 0
    for place, byte in enumerate(whole):
        others = [value for value in range(256) if value != byte]
        for value in others if place < FRONT_BYTES else rng.sample(others, 8):
            changed = whole[:place] + bytes([value]) + whole[place + 1 :]
            refused += is_refused(codec_of(model), changed)
            tried += 1
    front = min(FRONT_BYTES, len(whole))
    assert refused == tried == 255 * front + 8 * (len(whole) - front)


@golden_files
def test_every_lost_or_added_byte_is_refused(model: str, name: str) -> None:
    whole, rng = golden(model, name), random.Random(name)  # noqa: S311
    for place in range(len(whole) + 1):
        for added in {0, 255, rng.randrange(256), whole[place - 1]}:
            longer = whole[:place] + bytes([added]) + whole[place:]
            assert is_refused(codec_of(model), longer), (place, added)
        if place < len(whole):
            assert is_refused(codec_of(model), whole[:place] + whole[place + 1 :]), place


# Files that are cut


@golden_files
def test_every_cut_is_refused_and_says_how_much_is_there(model: str, name: str) -> None:
    whole, codec = golden(model, name), codec_of(model)
    codes_begin = parse_layout(whole).codes_offset + 2
    told = set()
    for length in range(len(whole)):
        with pytest.raises(InvalidFile) as caught:
            codec.decode_picture(whole[:length])
        message = str(caught.value)
        assert message.isprintable()
        if length < codes_begin:
            continue
        there = codec.completeness(whole[:length])
        assert not there.whole
        assert str(there) in message if there.parts else "no complete level is left" in message
        told.add((there.levels, there.parts))
    assert codec.completeness(whole).whole
    # With the length of the cut, one payload after the other comes to be there.
    header = parse_layout(whole).header
    assert sorted(parts for _, parts in told) == list(range(header.streams * header.tiles))


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_anywhere_is_drawn_as_from_the_levels_that_are_there(model: str) -> None:
    whole, codec = (SEEDS / model / "rgb.vqz").read_bytes(), codec_of(model)
    levels = range(1, len(codec.model.config.vqvae.levels) + 1)
    drawn = {number: codec.decode_picture(whole, levels=number).pixels for number in levels}
    seen = set()
    for length in range(len(whole)):
        try:
            there = codec.completeness(whole[:length])
        except InvalidFile:
            # Header and sections must be whole.
            with pytest.raises(InvalidFile):
                codec.decode_picture(whole[:length], partial=True)
            assert length < parse_layout(whole).codes_offset + 2
            continue
        seen.add(there.levels)
        if there.levels:
            part = codec.decode_picture(whole[:length], partial=True).pixels
            assert np.array_equal(part, drawn[there.levels])
        else:
            with pytest.raises(Truncated, match="before the end of its first level"):
                codec.decode_picture(whole[:length], partial=True)
    assert {0, *(n for n in levels[:-1])} >= seen
    assert len(seen) >= 2


@golden_files
def test_a_cut_golden_file_is_drawn_if_any_of_it_is_there(model: str, name: str) -> None:
    whole, codec = golden(model, name), codec_of(model)
    layout = parse_layout(whole)
    seen = {}
    for length in range(layout.codes_offset + 2, len(whole)):
        seen[codec.completeness(whole[:length])] = length
    for there, length in seen.items():
        if there.parts:
            picture = codec.decode_picture(whole[:length], partial=True)
            assert (picture.width, picture.height) == (layout.header.width, layout.header.height)
        else:
            with pytest.raises(Truncated, match="before the end of its first level"):
                codec.decode_picture(whole[:length], partial=True)


@pytest.mark.parametrize("model", MODELS)
def test_the_command_refuses_cut_files_and_draws_them_when_told(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, codec = (SEEDS / model / "rgb.vqz").read_bytes(), codec_of(model)
    file, out = tmp_path / "cut.vqz", tmp_path / "cut.png"
    arguments = ["decode", str(file), "-o", str(out), "--model", str(GOLDEN / model)]
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert run(arguments) == 1
        assert capsys.readouterr().err.count("\n") == 1
        assert not out.exists()
        try:
            there = codec.completeness(whole[:length])
        except InvalidFile:
            there = None
        status = run([*arguments, "--partial"])
        said = capsys.readouterr().err
        if there is None or not there.levels:
            assert status == 1
            assert said.count("\n") == 1
            assert not out.exists()
        else:
            assert status == 0
            assert f"is truncated or damaged; decoded what is left: {there}" in said
            out.unlink()


def test_the_command_says_nothing_of_a_whole_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    arguments = ["decode", str(SEEDS / "tiny" / "rgb.vqz"), "-o", str(out), "--partial"]
    assert run([*arguments, "--model", str(GOLDEN / "tiny")]) == 0
    assert "truncated" not in capsys.readouterr().err
