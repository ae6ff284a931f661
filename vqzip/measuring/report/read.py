"""Measurements read back from `results.json`, so that other codecs need not be measured again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vqzip.errors import UsageError
from vqzip.measuring.analysis.code_lengths import LevelCodeLength, Overhead
from vqzip.measuring.measure import Measurement, RdPoint


def read_measurements(path: Path) -> dict[str, Measurement]:
    """Return the measurements of a report by label.

    Args:
        path: of `results.json`.

    Raises:
        UsageError: the file cannot be read, or is not one of `write_json`.
    """
    try:
        codecs = json.loads(path.read_text(encoding="utf-8"))["codecs"]
        measurements = [_measurement(codec) for codec in codecs]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not hold results of this version of vqzip; measure again."
        ) from error
    return {measurement.label: measurement for measurement in measurements}


def _measurement(codec: dict[str, Any]) -> Measurement:
    overhead = codec["overhead"]
    # The ratio of a level is computed from its other facts.
    levels = [{k: v for k, v in level.items() if k != "ratio"} for level in codec["levels"]]
    return Measurement(
        label=codec["label"],
        title=codec["title"],
        settings=tuple(codec["settings"]),
        points=tuple(map(_point, codec["points"])),
        description=codec["description"],
        levels=tuple(LevelCodeLength(**level) for level in levels),
        overhead=None if overhead is None else Overhead(**overhead),
        own_metric=codec["own_metric"],
    )


def _point(point: dict[str, Any]) -> RdPoint:
    return RdPoint(**{**point, "code_length_bits": tuple(point["code_length_bits"])})
