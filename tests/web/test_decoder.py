"""The page decodes what Python decodes: equal codes, pixels within 1, and refusals in a sentence."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.golden.make import CASES
from tools.web.chromium import find_chromium
from tools.web.compare import (
    Browser,
    browser,
    compare_case,
    compare_damaged,
    compare_file,
    hostile_faults,
)
from vqzip.codec.codec import Codec, load
from vqzip.container.build import build
from vqzip.container.fields import crc32
from vqzip.container.parse import parse

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="there is no chromium")

SHIPPED = Path(__file__).parents[2] / "models"
MODELS = tuple(CASES)
FILES = [(folder, name) for folder, cases in CASES.items() for name in cases()]
QUICK = FILES[:: len(FILES) // 20]
"""Golden files of every model; the slow test takes all."""


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    shipped = [path.parent for path in SHIPPED.glob("*/config.json")]
    with browser([*MODELS, *shipped]) as opened:
        yield opened


@cache
def codec_of(folder: Path) -> Codec:
    return load(folder)


@pytest.mark.parametrize(("folder", "name"), QUICK)
def test_golden_files_decode_as_in_python(window: Browser, folder: Path, name: str) -> None:
    data = (folder / f"{name}.vqz").read_bytes()
    assert compare_file(window, codec_of(folder), data) == ""


@pytest.mark.slow
def test_all_golden_files_decode_as_in_python(window: Browser) -> None:
    faults = {}
    for folder, name in FILES:
        data = (folder / f"{name}.vqz").read_bytes()
        faults[folder.name, name] = compare_file(window, codec_of(folder), data)
    assert {name: fault for name, fault in faults.items() if fault} == {}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["photo", "photo-psnr", "photo-ssim", "vqvae2"])
def test_photographs_decode_as_in_python(window: Browser, model: str, photograph: Path) -> None:
    codec = load(SHIPPED / model)
    with Image.open(photograph) as image:
        data = codec.encode(image)
    assert compare_file(window, codec, data) == ""


def test_levels_are_drawn_as_in_python(window: Browser) -> None:
    folder = MODELS[0]
    data = (folder / "rgb.vqz").read_bytes()
    window.page.run(
        "globalThis.one = async (text) => textOf(await client.render((await client.open(bytesOf(text))).number, 1))"
    )
    drawn = base64.b64decode(window.page.run(f'one("{base64.b64encode(data).decode()}")'))
    own = codec_of(folder).decode_picture(data, levels=1).pixels
    found = np.frombuffer(drawn, np.uint8).reshape(*own.shape[:2], 4)[:, :, :3]
    assert np.abs(own.astype(int) - found).max() <= 1


@pytest.mark.parametrize("folder", MODELS)
def test_damaged_files_are_refused_or_read_alike(window: Browser, folder: Path) -> None:
    data = (folder / "alpha.vqz").read_bytes()
    rng = np.random.default_rng(22)
    faults = []
    for _ in range(60):
        changed = bytearray(data)
        if rng.random() < 0.3:
            del changed[int(rng.integers(len(changed))) :]
        else:
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        faults.append(compare_damaged(window, codec_of(folder), bytes(changed)))
    assert [fault for fault in faults if fault] == []
    assert window.page.faults == []


def test_payloads_with_right_checksums_are_refused_or_read_alike(window: Browser) -> None:
    folder = MODELS[0]
    file = parse((folder / "rgb.vqz").read_bytes(), max_pixels=1 << 20)
    rng = np.random.default_rng(23)
    for _ in range(60):
        streams = [list(stream) for stream in file.streams]
        stream = streams[rng.integers(len(streams))]
        stream[0] = rng.bytes(4 * int(rng.integers(1, 30)))
        data = build(replace(file, streams=tuple(map(tuple, streams))))
        assert compare_damaged(window, codec_of(folder), data) == ""
    assert window.page.faults == []


def test_a_picture_of_another_model_is_refused_in_a_sentence(window: Browser) -> None:
    data = bytearray((MODELS[0] / "rgb.vqz").read_bytes())
    at = data[5] - 12
    data[at : at + 8] = bytes(8)
    data[at + 8 : at + 12] = crc32(bytes(data[: at + 8])).to_bytes(4, "little")
    data[-4:] = crc32(bytes(data[:-4])).to_bytes(4, "little")
    found = window.decode(bytes(data))
    assert found == "The file was made with the model 0000000000000000, which is not here."


@pytest.mark.slow
def test_cases_of_the_fuzzer_are_refused_or_read_alike() -> None:
    assert hostile_faults(range(400)) == 0


@pytest.mark.slow
def test_random_priors_give_the_codes_of_the_numpy_walk(window: Browser) -> None:
    compared = sum(compare_case(window, number, reference=True) for number in range(200))
    assert compared > 150
