"""Butteraugli, the metric that JPEG XL's encoder is tuned with, by the command of libjxl.

Debian and Ubuntu have the command in the package libjxl-devtools. Its 3-norm is used: a mean over the
picture in which large errors count more. The maximum, which it also prints, depends on a single place.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess

from vqzip.errors import PictureError, UsageError
from vqzip.measuring.metrics.metric import Metric, Pair, png_files

COMMAND = "butteraugli_main"
SMALLEST_SIDE = 8
_NORM = re.compile(r"^3-norm: ([0-9.eE+-]+)$", re.MULTILINE)


def score(pair: Pair) -> float | None:
    """Return the distance of two pictures: 0 if they are equal, about 1 if a difference is visible.

    Returns:
        None for a picture with a side under 8 pixels, which the command refuses.

    Raises:
        PictureError: the command failed.
        UsageError: the command is missing.
    """
    if pair.shorter_side < SMALLEST_SIDE:
        return None
    with png_files(pair.original, pair.decoded) as paths:
        done = subprocess.run(  # noqa: S603  (a program that is looked up, and our own files)
            [_found(), *map(str, paths)], capture_output=True, text=True, check=False
        )
    norm = _NORM.search(done.stdout)
    if done.returncode or norm is None:
        raise PictureError(f"{COMMAND} failed: {done.stderr.strip()[-200:]}")
    return float(norm[1])


def check() -> None:
    """Raise a UsageError if the command is missing."""
    _found()


def similarity_db(distance: float) -> float:
    """Return -10 log10(distance), which rises with quality; infinite for equal pictures."""
    return math.inf if distance <= 0 else -10 * math.log10(distance)


def _found() -> str:
    found = shutil.which(COMMAND)
    if found is None:
        raise UsageError(
            f"Butteraugli needs the command {COMMAND}: apt-get install libjxl-devtools, or leave it out."
        )
    return found


BUTTERAUGLI = Metric(
    name="butteraugli",
    title="Butteraugli",
    unit="",
    axis="Butteraugli (3-norm), dB: -10 log₁₀(x)",
    digits=3,
    score=score,
    curve_value=similarity_db,
    check=check,
    version=lambda: (COMMAND, "3-norm"),
)
