"""Tokens of batches: those of `encode` at effort 0, exact shapes, and one sentence for what is no batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import vqzip
from tests.training.tiny_recipes import made_pixels
from vqzip.cli.app import run
from vqzip.codec.codec import Codec
from vqzip.codec.tokens import Tokens
from vqzip.errors import CodingError, PictureError


@pytest.fixture(scope="module")
def codec() -> Codec:
    codec = vqzip.load("vqvae2")
    assert isinstance(codec, Codec)
    return codec


@pytest.fixture(scope="module")
def batch() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.stack([made_pixels(number, 40, 52) for number in range(3)])


def test_tokens_are_the_nearest_codes(codec: Codec, batch: np.ndarray[Any, Any]) -> None:
    tokens = codec.tokenize(batch)
    assert [level.shape for level in tokens.levels] == [(3, 1, 5, 7), (3, 1, 10, 13)]
    assert codec.vocabulary == (512, 512)
    assert [book.shape for book in codec.codebooks] == [(1, 1, 512, 64)] * 2
    for number, pixels in enumerate(batch):
        codes = codec.to_codes(Image.fromarray(pixels), effort=0)
        for level, expected in zip(tokens.levels, codes.levels, strict=True):
            # Other arithmetic than the codec's: a latent between two codewords may take either.
            same = level[number] == expected.reshape(level[number].shape)
            assert same.mean() > 0.97


def test_tokens_become_pictures(codec: Codec, batch: np.ndarray[Any, Any]) -> None:
    tokens = codec.tokenize(batch)
    pixels = codec.detokenize(tokens)
    assert pixels.shape == batch.shape
    assert pixels.dtype == np.uint8
    single = codec.tokenize(batch[1:2])
    for level, one in zip(tokens.levels, single.levels, strict=True):
        assert (level[1:2] == one).mean() > 0.97
    error = pixels.astype(float) - batch
    assert np.mean(error**2) < 1500


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((1, 8, 8, 3), np.float32), "uint8 from 0 to 255, got float32"),
        (np.zeros((8, 8, 3), np.uint8), r"shape \(N, H, W, 3\), got \(8, 8, 3\)"),
        (np.zeros((1, 3, 8, 8), np.uint8), "shape"),
        ([[1, 2]], "got list"),
    ],
)
def test_what_is_no_batch_is_refused_in_a_sentence(codec: Codec, images: Any, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        codec.tokenize(images)


def test_tokens_of_other_shapes_are_refused(codec: Codec, batch: np.ndarray[Any, Any]) -> None:
    tokens = codec.tokenize(batch)
    wrong = Tokens(tokens.levels, 40, 60, tokens.quality)
    with pytest.raises(CodingError, match="60 x 40 pixels"):
        codec.detokenize(wrong)


def test_the_command_writes_tokens_and_classes(tmp_path: Path, codec: Codec) -> None:
    for number, kind in enumerate(("cat", "cat", "dog")):
        (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(made_pixels(number, 40, 52)).save(tmp_path / "set" / kind / f"{number}.png")
    (tmp_path / "set" / "dog" / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "tokens.safetensors"
    assert run(["tokens", str(tmp_path / "set"), "-o", str(out), "--size", "32"]) == 0
    found = load_file(out)
    assert {name: array.shape for name, array in found.items()} == {
        "level0": (3, 1, 4, 4),
        "level1": (3, 1, 8, 8),
        "codebook0": (1, 1, 512, 64),
        "codebook1": (1, 1, 512, 64),
        "labels": (3,),
    }
    assert found["labels"].tolist() == [0, 0, 1]
    assert run(["tokens", str(tmp_path / "set"), "-o", str(out), "--size", "32"]) == 1
    shards = ["tokens", str(tmp_path / "set"), "-o", str(out), "--size", "32", "--shard", "2"]
    assert run(shards) == 0
    parts = [load_file(tmp_path / f"tokens-0000{n}.safetensors")["level1"] for n in (0, 1)]
    assert np.array_equal(np.concatenate(parts), found["level1"])
