"""Random brightness, contrast and saturation, by torchvision."""

from __future__ import annotations

from torch import Tensor

from vqzip.errors import TrainingError


def jitter(crop: Tensor, factors: tuple[float, float, float]) -> Tensor:
    """Change brightness, contrast and saturation.

    Args:
        crop: `(3, S, S)` float32 from 0 to 255.
        factors: of the three; 1 changes nothing.

    Raises:
        TrainingError: torchvision cannot be imported (its wheel may not fit a CPU-only torch).
    """
    try:
        from torchvision.transforms.v2 import functional as vision
    except (ImportError, RuntimeError) as error:
        raise TrainingError(
            "colour_jitter needs a torchvision that fits the installed torch; "
            "install the matching one or set data.colour_jitter=0."
        ) from error
    crop = crop / 255
    changes = (vision.adjust_brightness, vision.adjust_contrast, vision.adjust_saturation)
    for change, factor in zip(changes, factors, strict=True):
        crop = change(crop, factor)
    return (crop * 255).round()
