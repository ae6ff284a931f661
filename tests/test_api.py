"""The public names of `vqzip`, and what the functions among them do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vqzip
from tools.golden.models import smooth_pixels

PUBLIC = {
    "ChecksumMismatch", "Codec", "Codes", "CodingError", "InvalidFile", "LimitExceeded", "ModelError", "NotVqz",
    "PictureError", "RecipeError", "TargetUnreachable", "TrainingError", "Truncated", "UnsupportedVersion",
    "UsageError", "VqzipError", "__version__", "decode", "decode_many", "encode", "encode_many", "load", "open",
}  # fmt: skip


def test_the_public_names() -> None:
    assert set(vqzip.__all__) == PUBLIC
    assert all(getattr(vqzip, name) is not None for name in PUBLIC)
    with pytest.raises(AttributeError, match="nothing"):
        vqzip.__getattr__("nothing")


def test_a_file_names_its_model(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    image = Image.fromarray(smooth_pixels(24, 40, 3))
    data = vqzip.encode(image, 6.0, model="tiny")
    assert data == vqzip.load("tiny").encode(image, 6.0)
    decoded = vqzip.decode(data)
    assert np.array_equal(np.asarray(decoded), np.asarray(vqzip.load("tiny").decode(data)))
    path = tmp_path / "a.vqz"
    path.write_bytes(data)
    assert np.array_equal(np.asarray(vqzip.open(path)), np.asarray(decoded))


def test_a_file_of_a_model_that_is_not_installed(tiny_model: Path) -> None:
    data = vqzip.load(str(tiny_model)).encode(Image.fromarray(smooth_pixels(8, 8, 3)))
    with pytest.raises(vqzip.ModelError, match="which is not installed"):
        vqzip.decode(data)
