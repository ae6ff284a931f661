"""Where results come from: versions of what decides numbers, and the machine that times hold for."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import torch

import vqzip
from vqzip.measuring.metrics.metric import Metric

_PACKAGES = ("constriction", "numpy", "pillow", "pytorch-msssim", "scipy", "torch")


def versions(metrics: Sequence[Metric]) -> dict[str, str]:
    """Return the versions of vqzip, Python, and the packages and programs that decide numbers."""
    found = {"vqzip": vqzip.__version__, "python": platform.python_version()}
    found |= {package: _version(package) for package in _PACKAGES}
    return found | dict(metric.version() for metric in metrics)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def machine() -> dict[str, str | int]:
    """Return the system, the processor and its cores, the threads and the GPU."""
    found: dict[str, str | int] = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "torch_threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
