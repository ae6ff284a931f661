"""The decoder written from docs/reference/format.md reads every golden file to the same codes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reference import decoder as reference_decoder
from reference.decoder import (
    Model,
    Refused,
    Stack,
    crc16,
    decode,
    metadata_items,
    parse,
    read_model,
    sha256_of_codes,
    unpacked,
)
from tools.golden.cases import Drawn
from tools.golden.make import CASES, EXPECTED
from tools.golden.models import TINY, TINY_VQ
from vqzip.codec.codec import load
from vqzip.container.parse import parse as parse_with_package
from vqzip.models.places import SHIPPED

SCRIPT = Path(reference_decoder.__file__)
PAGE = SCRIPT.parent.parent / "docs" / "reference" / "format.md"
FILES = [(folder, name) for folder, cases in CASES.items() for name in cases()]

model_of = cache(read_model)


def file_of(folder: Path, name: str) -> bytes:
    return (folder / f"{name}.vqz").read_bytes()


def digest(data: bytes, model: Model) -> str:
    return sha256_of_codes(decode(data, model), model)


def timed(folder: Path, name: str) -> Any:
    """Return a golden file as a test's parameters; the largest ones are slow."""
    slow = folder == TINY and name.endswith("-square")
    marks = [pytest.mark.slow] if slow else []
    return pytest.param(folder, name, id=f"{folder.name}-{name}", marks=marks)


@pytest.mark.parametrize(("folder", "name"), [timed(*file) for file in FILES])
def test_codes_are_those_of_the_encoder(folder: Path, name: str) -> None:
    expected = json.loads((folder / EXPECTED).read_text("utf-8"))[name]["codes"]
    assert digest(file_of(folder, name), model_of(folder)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photo", "photo-psnr", "photo-ssim"])
def test_shipped_models_have_the_same_codes(name: str) -> None:
    folder = SHIPPED[-1] / name
    data = (folder / "self_test.vqz").read_bytes()
    assert digest(data, read_model(folder)) == load(folder).decode_codes(data).sha256()


def test_the_command_prints_the_digest() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, TINY / "gray.vqz", TINY],
        capture_output=True,
        check=True,
        text=True,
    )
    expected = json.loads((TINY / EXPECTED).read_text("utf-8"))["gray"]["codes"]
    assert done.stdout == expected + "\n"


def test_it_owes_nothing_to_anybody() -> None:
    for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert all(name.partition(".")[0] in sys.stdlib_module_names for name in names), names


def test_containers_are_parsed_alike() -> None:
    for folder, name in FILES:
        data = file_of(folder, name)
        ours, theirs = parse_with_package(data, max_pixels=1 << 20), parse(data)
        assert theirs.payloads == ours.streams
        assert theirs.sections == tuple((s.kind, s.payload) for s in ours.sections)
        header = ours.header
        assert (theirs.width, theirs.height) == (header.width, header.height)
        assert (theirs.gray, theirs.quality_step) == (header.mode == "gray", header.quality_step)
        assert (theirs.tile_side, theirs.model_id) == (header.tile_side, header.model_id)


@pytest.mark.parametrize("name", ["all-sections", "packed-sections"])
def test_metadata_are_read_alike(name: str) -> None:
    case = CASES[TINY_VQ]()[name]
    assert isinstance(case, Drawn)
    wanted = case.picture.metadata
    items = metadata_items(parse(file_of(TINY_VQ, name)))
    assert items == {3: wanted.icc, 4: wanted.exif, 5: wanted.xmp}


def test_packed_metadata_that_are_damaged_are_refused() -> None:
    for payload in (b"", b"no zlib", zlib.compress(b"x") + b"y", zlib.compress(b"x")[:-1]):
        with pytest.raises(Refused):
            unpacked(payload)
    with pytest.raises(Refused, match="too long"):
        unpacked(zlib.compress(bytes(2**24 + 1)))


@pytest.mark.parametrize("name", ["one-pixel", "all-sections"])
def test_altered_bytes_are_refused(name: str) -> None:
    data = file_of(TINY_VQ, name)
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        with pytest.raises(Refused):
            parse(altered)
        with pytest.raises(Refused):
            parse(data[:at])


def with_crcs(data: bytearray) -> bytes:
    """Return a file of a header of 22 bytes with its CRC-32s made anew."""
    data[18:22] = zlib.crc32(data[:18]).to_bytes(4, "little")
    data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("at", "byte", "broken"),
    [
        (4, 2, "version 2 is not known"),
        (6, 0x80, "reserved bit"),
        (6, 57, "quality is out of range"),
        (6, 1, "not got this quality"),
        (7, 0x91, "stream tiles are too large"),
        (8, 0, "no pixels"),
        (10, 0, "another model"),
        (22, 0x83, "critical section"),
        (23, 1, "too large"),
        (36, 0x05, "does not end where its codes do"),
    ],
)
def test_rules_are_kept_when_checksums_are_made_anew(at: int, byte: int, broken: str) -> None:
    data = bytearray(file_of(TINY_VQ, "one-pixel"))
    # The last payload has no checksum of its own: bytes of it can be exchanged, too.
    at = len(data) - 5 if at == 36 else at
    data[at] = byte
    with pytest.raises(Refused, match=broken):
        decode(with_crcs(data), model_of(TINY_VQ))


def test_a_word_on_top_must_not_be_zero() -> None:
    with pytest.raises(Refused, match="on top"):
        Stack(bytes(4))


# The page


def test_the_file_on_the_page_is_the_golden_one() -> None:
    block = re.search(r"^### A whole file\n.*?^```\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert block is not None
    columns = [line[:28] for line in block.group(1).splitlines()]
    assert bytes.fromhex(" ".join(columns)) == file_of(TINY_VQ, "one-pixel")


def test_the_words_on_the_page_are_the_symbols_on_the_page() -> None:
    assert "4640c418` `0dea8b82" in PAGE.read_text("utf-8")
    stack = Stack(bytes.fromhex("18c44046 828bea0d"))
    assert [stack.pop([60000, 5535, 1]) for _ in range(6)] == [0, 2, 1, 2, 0, 2]
    assert stack.is_empty


def test_check_values_on_the_page() -> None:
    assert (zlib.crc32(b"123456789"), crc16(b"123456789")) == (0xCBF43926, 0x29B1)


def test_every_number_of_the_decoder_is_on_the_page() -> None:
    """Constants above 8 that the decoder uses, as the page writes them."""
    page = PAGE.read_text("utf-8").replace(",", "")
    written = {int(number) for number in re.findall(r"\d+", page)}
    written |= {2 ** int(power) for power in re.findall(r"2\^(\d+)", page)}
    written |= {int(number, 16) for number in re.findall(r"\b[0-9a-f]{2,4}\b", page)}
    numbers = {
        node.value
        for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 8
    }
    # Masks for what it says in words: seven bits, bits 0 to 5, the high bit of a CRC-16.
    assert numbers - written <= {127, 63, 0x8000}
