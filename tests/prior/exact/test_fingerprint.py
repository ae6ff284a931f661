"""The streams of one model are the same for ever, whatever BLAS does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.prior.fingerprint import CODEBOOK, GRID, stream_digest

GRID_DIGEST = "bcc17e2660fdadffb891805d2e91d120a5b207698ff44d3385985e21eae08b7d"
CODEBOOK_DIGEST = "3b6e7fb54ca3a91f7b0495bdbb24553aaa19e40ddc614e5b48691d2f4bfa4245"
ROOT = Path(__file__).parents[2]


def test_golden_stream_of_a_grid() -> None:
    assert stream_digest(*GRID) == GRID_DIGEST


def test_golden_stream_of_codebooks() -> None:
    assert stream_digest(*CODEBOOK) == CODEBOOK_DIGEST


@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("kernels", ["Prescott", "Haswell"])
def test_threads_and_kernels_do_not_matter(threads: str, kernels: str) -> None:
    # Prescott has no fused multiply-add, Haswell has; other BLAS libraries ignore the variable.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OPENBLAS_CORETYPE": kernels}
    done = subprocess.run(
        [sys.executable, "-m", "tools.prior.fingerprint"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-4:-1:2] == [GRID_DIGEST[:16], CODEBOOK_DIGEST[:16]]
