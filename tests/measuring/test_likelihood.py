"""The table of likelihoods."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqzip.cli.app import run
from vqzip.errors import CodingError, UsageError
from vqzip.measuring.anchors.lossless import OPTIONS, LosslessAnchor
from vqzip.measuring.likelihood import measure_likelihood, measure_set_file
from vqzip.models.abilities import Pixels, Score
from vqzip.pictures.sets import PictureSet

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 1)).astype(np.uint8)


class Uniform:
    """Gives all samples the same probability, and loses the last picture of a set."""

    name = "uniform"

    def score(self, pixels: Pixels, *, labels: Sequence[int] | None = None, seed: int = 0) -> Score:
        return Score(np.full(len(pixels), 8.0 * pixels[0].size), "exact")

    def reconstruct(self, pixels: Pixels) -> Pixels:
        return np.zeros_like(pixels)

    def encode_set(self, pixels: Pixels) -> bytes:
        return pixels.tobytes()

    def decode_set(self, data: bytes) -> Pixels:
        return np.frombuffer(data, np.uint8).reshape(-1, 6, 7, 1)


def test_a_row_of_a_model() -> None:
    row = measure_likelihood(Uniform(), PictureSet(PIXELS))
    assert (row.kind, row.bits_per_dim) == ("exact", 8)
    assert row.nats_per_picture == pytest.approx(42 * 8 * math.log(2))
    assert row.mse == pytest.approx(float(np.mean((PIXELS / 255.0) ** 2)))
    assert row.sample_s is None
    assert measure_set_file(Uniform(), PictureSet(PIXELS)).bits_per_dim == 8


def test_a_set_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Uniform, "encode_set", lambda _self, pixels: (pixels + 1).tobytes())
    with pytest.raises(CodingError, match="do not come back"):
        measure_set_file(Uniform(), PictureSet(PIXELS))


@pytest.mark.parametrize("name", ["png", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_formats_are_lossless(name: str, channels: int) -> None:
    pixels = np.repeat(PIXELS, channels, 3)
    anchor = LosslessAnchor(name)
    data = anchor.file(pixels[0])
    with Image.open(io.BytesIO(data)) as image:
        shown = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    assert np.array_equal(shown.reshape(pixels[0].shape), pixels[0])
    score = anchor.score(pixels)
    assert score.bits[0] == 8 * len(data)
    assert set(OPTIONS) == {"png", "webp", "jxl"}
    with pytest.raises(UsageError, match="lossless formats are"):
        LosslessAnchor("bmp")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, one in enumerate(PIXELS):
        Image.fromarray(one[:, :, 0]).save(tmp_path / f"{number}.png")
    assert run(["likelihood", str(tmp_path), "--json", "--limit", "2"]) == 0
    png, webp = json.loads(capsys.readouterr().out)
    assert (png["name"], webp["name"]) == ("png", "webp")
    assert png["bits_per_dim"] > 8
    assert run(["likelihood", str(tmp_path), "--formats", "png"]) == 0
    table = capsys.readouterr().out
    assert "5 pictures of 7 x 6 x 1" in table
    assert "| png |" in table
    assert run(["likelihood", str(tmp_path), "--formats", "none"]) == 2
    assert run(["likelihood", str(tmp_path), "--split", "all"]) == 2
