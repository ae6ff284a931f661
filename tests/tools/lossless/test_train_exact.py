"""The model without loss is trained: the loss is the code length, and integers do what floats do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tools.lossless.contexts import collect, enlarged, halved, unchanged
from tools.lossless.network import PixelNetwork, code_length_bits
from tools.lossless.train import blank_prior, fit, main
from vqzip.codec.lossless.codec import LosslessCodec
from vqzip.families.known import load_model
from vqzip.pictures.picture import Picture
from vqzip.prior.compiled.library import library
from vqzip.prior.pixels.context import Context
from vqzip.prior.pixels.mixture import mixture_of
from vqzip.prior.pixels.model import PixelLayer

needs_library = pytest.mark.skipif(library() is None, reason="there is no compiled walk")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    rows, columns = np.mgrid[:360, :360]
    shades = 120 + 80 * np.sin(rows / 40) * np.cos(columns / 25)
    noise = np.random.default_rng(4).normal(0, 5, (360, 360, 3))
    pixels = np.clip(shades[:, :, None] + noise, 0, 255).astype(np.uint8)
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "one.png")
    return folder


def test_integers_give_the_probabilities_of_the_floats() -> None:
    prior, _ = blank_prior((16, 8))
    network = PixelNetwork(29, (16, 8))
    generator = np.random.default_rng(1)
    features = generator.integers(-500, 501, (40, 29))
    tensors = network.to_tensors("planes.0")
    assert tensors["planes.0.0.weight"].dtype == np.int16
    prior = type(prior)(
        (layers_of(tensors), *prior.networks[1:]),
        *(getattr(prior, name) for name in list(vars(prior))[1:]),
    )
    for row in features:
        sample, prediction, expected = 117, 117 * 64 + 20, 31
        context = Context(0, 0, prediction, expected, [], row.tolist())
        mixture = mixture_of(prior, 0, context, 8)
        width = mixture.boundary(sample + 1) - mixture.boundary(sample)
        outputs = network(torch.tensor(row[None], dtype=torch.float32))
        numbers = [torch.tensor([float(n)]) for n in (prediction, expected, sample)]
        bits = code_length_bits(outputs, numbers[0], numbers[1], numbers[2])
        assert 24 - np.log2(width) == pytest.approx(bits.item(), abs=0.06)


def layers_of(tensors: dict[str, NDArray[Any]]) -> tuple[PixelLayer, ...]:
    return tuple(
        PixelLayer(*(tensors[f"planes.0.{n}.{part}"] for part in ("weight", "bias", "shift")))
        for n in range(3)
    )


def test_probabilities_of_all_samples_sum_to_one() -> None:
    torch.manual_seed(3)
    outputs = torch.randn(1, 9).repeat(256, 1)
    prediction, expected = torch.full((256,), 90.0 * 64), torch.full((256,), 40.0)
    bits = code_length_bits(outputs, prediction, expected, torch.arange(256.0))
    assert torch.exp2(-bits).sum().item() == pytest.approx(1, abs=1e-3)


@needs_library
def test_fitting_lowers_the_code_length(photographs: Path) -> None:
    prior, _ = blank_prior((16, 8))
    contexts = collect([photographs / "one.png"], prior, unchanged, share=0.3, seed=1)[0]
    assert len(contexts.sample) == pytest.approx(0.3 * 360 * 360, rel=0.05)
    before, after = (fit(contexts, (16, 8), epochs, seed=1) for epochs in (0, 6))
    features, prediction, expected, sample = (
        torch.from_numpy(values.astype(np.float32))
        for values in (contexts.features, contexts.prediction, contexts.expected, contexts.sample)
    )
    lengths = [
        code_length_bits(network(features), prediction, expected, sample).mean().item()
        for network in (before, after)
    ]
    assert lengths[1] < lengths[0] - 0.03


@needs_library
def test_changes_have_their_sizes_and_a_trained_folder_codes(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Image.open(photographs / "one.png") as image:
        generator = np.random.default_rng(2)
        assert halved(image, generator).size == (180, 180)
        assert {enlarged(image, generator).size for _ in range(5)} == {(320, 320)}
        pixels = np.asarray(image)[:40, :50]
    out = tmp_path / "made"
    arguments = ["--data", str(photographs), "--out", str(out), "--share", "0.02", "--epochs", "1"]
    monkeypatch.setattr("sys.argv", ["train", *arguments, "--hidden", "8", "8"])
    main()
    codec = load_model(out)
    assert isinstance(codec, LosslessCodec)
    data = codec.encode_picture(Picture(pixels)).data
    assert np.array_equal(codec.decode_picture(data).pixels, pixels)
