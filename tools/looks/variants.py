"""Models whose quantizer steps differ by level and by color, made from models with one step for all.

A subband is divided by a constant before it is quantized and multiplied by it afterwards. The constants
of a wavelet model are those of `transform.gains` with width 0: nothing else of the model changes, so its
prior, which was trained on equal steps, codes the new codes as well as it can.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.autoencoders.config import GainsConfig, WaveletTransformConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.wavelet.gains import Gains
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.codec.codec import Codec
from vqzip.errors import ModelError
from vqzip.models.config import ModelConfig
from vqzip.models.folder import Model
from vqzip.models.learned import load_vqvae, with_vqvae
from vqzip.quality import Quality

Floats = NDArray[np.float64]
Steps = tuple[float, ...]
"""Factors of the step by group of subbands, as in `GROUPS`; 1 leaves the step as it is."""

GROUPS = (
    "luma, strides 32 and 16",
    "luma, stride 8",
    "luma, stride 4",
    "luma, stride 2",
    "chroma, strides 32 and 16",
    "chroma, stride 8",
    "chroma, stride 4",
    "chroma, stride 2",
)
EQUAL: Steps = (1.0,) * len(GROUPS)
_STRIDES = (32, 16), (8,), (4,), (2,)


def with_steps(codec: Codec, points: Mapping[float, Steps]) -> Codec:
    """Return a codec with other steps, which shares the prior with `codec`; see `vqvae_with_steps`."""
    return Codec(with_vqvae(codec.model, vqvae_with_steps(codec.model, points)))


def vqvae_with_steps(model: Model, points: Mapping[float, Steps]) -> Vqvae:
    """Return the networks of a model, with other steps.

    Args:
        model: a wavelet without gains.
        points: steps by quality. One point holds for all qualities. Through more, a straight line is laid:
            the logarithm of a factor over the logarithm of the quantizer's step, by least squares. A parabola
            would run away between the outer points and qualities 1 and 8.

    Raises:
        ModelError: the model is another kind, or there is no point.
    """
    changed = _with_gains(model.config)
    vqvae = Vqvae(changed.vqvae)
    transform = cast("WaveletTransform", vqvae.transform)
    transform.start()
    vqvae.load_state_dict(load_vqvae(model.path).state_dict(), strict=False)
    _set_gains(transform, changed, _coefficients(model.config, points))
    return vqvae.eval()


def _with_gains(config: ModelConfig) -> ModelConfig:
    transform = config.vqvae.transform
    if not isinstance(transform, WaveletTransformConfig) or transform.gains is not None:
        raise ModelError(f"{config.name} has no single step for all subbands; choose `photo`.")
    with_gains = dataclasses.replace(transform, gains=GainsConfig(width=0))
    return dataclasses.replace(
        config, vqvae=dataclasses.replace(config.vqvae, transform=with_gains)
    )


def _coefficients(config: ModelConfig, points: Mapping[float, Steps]) -> Floats:
    """Return the constant and the slope of each group's log factor over the log step, `(2, groups)`."""
    quality = config.vqvae.quality
    if quality is None or not points:
        raise ModelError("steps are fitted at one or more qualities of a model that has qualities.")
    logs = np.log(np.array(list(points.values())))
    if len(points) == 1:
        return np.vstack([logs, np.zeros(len(GROUPS))])
    steps = torch.tensor([quality.step(Quality.of(q)) for q in points])
    features = np.column_stack([np.ones(len(points)), log_step_features(steps)[:, 0].numpy()])
    line: Floats = np.linalg.lstsq(features, logs, rcond=None)[0]
    return line


def _set_gains(transform: WaveletTransform, config: ModelConfig, coefficients: Floats) -> None:
    gains = cast("Gains", transform.gains).levels
    for level, own in zip(config.vqvae.levels, gains, strict=True):
        place = next(i for i, strides in enumerate(_STRIDES) if level.stride in strides)
        luma, chroma = coefficients[:, place], coefficients[:, place + len(_STRIDES)]
        # Groups of a level are color-major: a third for luma, the rest for chroma.
        third = level.groups // 3
        columns = np.column_stack([luma] * third + [chroma] * 2 * third)
        with torch.no_grad():
            own.bands.bias.copy_(torch.from_numpy(columns[0]))
            # The second feature, the square of the first one, is not used.
            own.bands.weight.zero_()
            own.bands.weight[:, 0].copy_(torch.from_numpy(columns[1]))


def read_steps(path: Path) -> dict[float, Steps]:
    """Return the steps of a file by quality.

    Raises:
        ModelError: the file is not one of `fit_steps`.
    """
    try:
        fits = json.loads(path.read_text(encoding="utf-8"))["fits"]
        return {float(fit["quality"]): tuple(map(float, fit["steps"])) for fit in fits}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} does not hold steps of tools.looks.fit_steps: {error}."
        ) from error
