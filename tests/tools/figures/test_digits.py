"""Digits become IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from tools.figures.digits import main
from vqzip.pictures.sets import read_set


def test_digits_become_idx_files(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (20, 785))
    rows[:, -1] = np.arange(20) % 10
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    main([str(tmp_path / "a.csv.gz"), "--out", str(tmp_path / "digits")])
    train, test = (read_set(tmp_path / "digits", split) for split in ("train", "test"))
    assert (len(train.pixels), len(test.pixels)) == (18, 2)
    assert np.array_equal(test.pixels[1, :, :, 0].ravel(), rows[10, :-1])
    assert test.labels is not None
    assert test.labels.tolist() == [0, 0]
