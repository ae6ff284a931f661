"""Pixel priors are refused when their tensors do not fit or sums could overflow."""

from decimal import Decimal

import numpy as np
import pytest

from tools.lossless.random_priors import HIDDEN, random_tensors
from vqzip.errors import ModelError
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.tables import make_tables


def test_tables_are_their_formulas() -> None:
    tables = make_tables()
    assert tables["tables.reciprocal"][[0, 4, 72]].tolist() == [1 << 18, 1 << 17, 1]
    assert tables["tables.deviation"][[0, 1, 8]].tolist() == [1, 1, 4]
    assert tables["tables.narrowness"][8] == 1 << 31
    logistic = tables["tables.logistic"]
    assert logistic[1024] == 1 << 23
    assert logistic[1000] + logistic[1048] == 1 << 24
    expected = Decimal(1 << 24) / (1 + Decimal(1).exp())
    assert logistic[1024 - 64] == round(expected)


def test_tensors_that_do_not_fit_are_refused() -> None:
    good = random_tensors(1)
    assert PixelPrior.from_tensors(good, HIDDEN).networks[2][0].weight.shape == (69, HIDDEN[0])
    falling = good["tables.logistic"].copy()
    falling[5] = 1 << 24
    huge = np.full_like(good["planes.0.0.bias"], 2**31 - 1)
    wrong = {
        "lacks": {name: good[name] for name in good if name != "first_weights"},
        "unknown": {**good, "more": good["first_weights"]},
        "must be": {**good, "planes.1.1.shift": good["planes.1.1.shift"].astype(np.int32)},
        "must lie": {**good, "planes.1.1.shift": good["planes.1.1.shift"] + 30},
        "not fall": {**good, "tables.logistic": falling},
        "32 bits": {**good, "planes.0.0.bias": huge},
    }
    for words, tensors in wrong.items():
        with pytest.raises(ModelError, match=words):
            PixelPrior.from_tensors(tensors, HIDDEN)
