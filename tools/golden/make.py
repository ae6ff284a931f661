"""Make the golden models and files that are missing: `python -m tools.golden.make`.

What is there stays as it is, byte for byte: files of released versions must decode for ever. To add a
feature to the golden files, add a case.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from tools.golden.cases import Case, codebook_cases, first_cases, gains_cases, grid_cases
from tools.golden.models import (
    TINY,
    TINY_GAINS,
    TINY_VQ,
    conv_config,
    gains_config,
    make_model,
    wavelet_config,
)
from vqzip.codec.codec import Codec, load
from vqzip.pictures.write import write_picture

EXPECTED = "expected.json"

PICTURED = tuple(first_cases())
"""Cases whose decoded pictures are kept, too; pixels are promised within a tolerance only."""

MODELS = ((TINY, wavelet_config), (TINY_VQ, conv_config), (TINY_GAINS, gains_config))
CASES = {TINY: grid_cases, TINY_VQ: codebook_cases, TINY_GAINS: gains_cases}


def make_files(codec: Codec, folder: Path, cases: Mapping[str, Case]) -> None:
    """Write the files that a model's folder lacks, and the digests of their bytes and codes."""
    path = folder / EXPECTED
    expected = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, case in cases.items():
        file = folder / f"{name}.vqz"
        if file.exists():
            continue
        data, codes = case.make(codec)
        file.write_bytes(data)
        if name in PICTURED:
            write_picture(codec.decode_picture(data), folder / f"{name}.png", force=True)
        expected[name] = {"file": hashlib.sha256(data).hexdigest(), "codes": codes.sha256()}
    path.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Write what is missing."""
    torch.set_num_threads(1)
    for folder, config in MODELS:
        if not folder.is_dir():
            make_model(folder, config())
        make_files(load(folder), folder, CASES[folder]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
