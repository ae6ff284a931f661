"""ColorVideoVDP (Mantiuk et al. 2024): the visible difference of two pictures, in JOD.

Computed by the authors' package `cvvdp`. JOD are just-objectionable differences: 10 is no visible
difference, and one JOD less means that 75 % of viewers prefer the better picture. The display is the
package's `standard_4k`: 30 inches, 3840 x 2160 pixels, 200 cd/m2, seen from 0.75 m.
"""

from __future__ import annotations

import functools
import warnings
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

from vqzip.errors import UsageError, missing_package
from vqzip.measuring.metrics.metric import Metric, Pair, as_rgb

DISPLAY = "standard_4k"
BEST = 10.0
"""No visible difference."""


def score(pair: Pair) -> float:
    """Return the quality of a decoded picture in JOD, at most 10.

    Raises:
        UsageError: the package is missing or does not work here.
    """
    with torch.no_grad():
        pictures = as_rgb(pair.decoded), as_rgb(pair.original)
        jod, _ = _metric(pair.device).predict(*pictures, dim_order="HWC")
    return float(jod)


def visible_differences(x_hat: Tensor, pixels: Tensor) -> Tensor:
    """Return 10 - JOD of each picture, `(N,)`, with its gradient.

    Args:
        x_hat: `(N, 3, H, W)`, 0 to 255; values outside are clipped, as in a picture.
        pixels: `(N, 3, H, W)`.

    Raises:
        UsageError: the package is missing or does not work here.
    """
    metric, differences = _metric(str(x_hat.device)), []
    # Luminances span too many magnitudes for half precision.
    with torch.autocast(x_hat.device.type, enabled=False):
        for pair in zip(x_hat.float(), pixels.float(), strict=True):
            decoded, original = ((side / 255).clamp(0, 1).permute(1, 2, 0) for side in pair)
            jod, _ = metric.predict(decoded, original, dim_order="HWC")
            differences.append(BEST - jod)
    return torch.stack(differences)


def check() -> None:
    """Raise a UsageError if the package is missing or does not work."""
    _package()


@functools.cache
def _metric(device: str) -> Any:
    return _package().cvvdp(display_name=DISPLAY, device=torch.device(device))


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's own code
            import pycvvdp
    except ImportError as error:
        raise missing_package("cvvdp", "ColorVideoVDP", "looks") from error
    except RuntimeError as error:
        # A torchvision built for CUDA cannot load its operators beside a CPU build of torch.
        raise UsageError(
            "ColorVideoVDP needs a torchvision that fits the installed torch; install both from the "
            "same index."
        ) from error
    return pycvvdp


def _version() -> tuple[str, str]:
    return "cvvdp", f"{metadata.version('cvvdp')} ({DISPLAY})"


JOD = Metric(
    name="jod",
    title="JOD",
    unit="",
    axis="ColorVideoVDP, JOD",
    digits=3,
    score=score,
    curve_value=float,
    check=check,
    version=_version,
)
