"""Compares the networks of a new model in torch, where they learned, with those that will run it."""

from __future__ import annotations

import numpy as np

from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.torch_transform import TorchTransform
from vqzip.errors import TrainingError
from vqzip.quality import Quality

SIDE = 128
LARGEST_DIFFERENCE = 0.1
"""Largest difference of a pixel (0 to 255) and of a latent (in steps); rounding alone gives 0.001."""


def check_runtimes(vqvae: Vqvae, autoencoder: Autoencoder) -> float:
    """Compare latents and pixels of a picture, and return the largest difference.

    Args:
        vqvae: in torch, on the CPU.
        autoencoder: made from the same weights.

    Raises:
        TrainingError: they differ by more than rounding explains.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE)).astype(np.float32)
    step = autoencoder.config.step(Quality(autoencoder.config.quality_steps // 2))
    learned = TorchTransform(vqvae.transform, next(iter(vqvae.state_dict().values())).device)
    first, second = (each.analyze(pixels, step) for each in (learned, autoencoder.transform))
    quantized = []
    largest = 0.0
    for level, quantizer in enumerate(autoencoder.quantizers):
        latents = first.latents(level)
        largest = max(largest, float(np.abs(latents - second.latents(level)).max()) / step)
        quantized.append(quantizer.dequantize(quantizer.quantize(latents, step), step))
        first.take(level, quantized[level])
        second.take(level, quantized[level])
    whole = slice(0, SIDE), slice(0, SIDE)
    drawn = [each.synthesize(quantized, step, whole) for each in (learned, autoencoder.transform)]
    # Decoded pixels are clipped, so differences outside the range do not matter.
    before, after = (np.clip(each, 0, 255) for each in drawn)
    largest = max(largest, float(np.abs(before - after).max()))
    if not largest <= LARGEST_DIFFERENCE:
        raise TrainingError(
            f"the model's networks differ by {largest:.3g} between torch and ONNX Runtime; "
            "please report the recipe."
        )
    return largest
