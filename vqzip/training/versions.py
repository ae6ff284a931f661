"""What a run was made with."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch

import vqzip
from vqzip.files import write_whole


def versions() -> dict[str, str]:
    """Return what a run was made with, for `versions.json`."""
    return {
        "vqzip": vqzip.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "threads": str(torch.get_num_threads()),
        "command": " ".join(sys.argv),
    }


def write_versions(folder: Path) -> None:
    """Write `versions.json` into the run folder."""
    text = json.dumps(versions(), indent=2) + "\n"
    write_whole(folder / "versions.json", text.encode())
