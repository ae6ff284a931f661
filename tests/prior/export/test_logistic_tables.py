import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.entropy.counts import TOTAL
from vqzip.entropy.logistic_tables import LogisticTables
from vqzip.errors import TrainingError
from vqzip.prior.export.logistic_tables import logistic_tables, round_to_counts


@given(st.floats(0.001, 0.3), st.floats(0.5, 1000.0), st.floats(0.0, 0.2), st.floats(1.0, 20.0))
def test_any_scales_make_tables(low: float, high: float, weight: float, factor: float) -> None:
    made = logistic_tables(np.geomspace(low, high, 64), weight, factor)
    LogisticTables(**{name.removeprefix("tables."): made[name] for name in made})


def test_tables_hold_the_mixture() -> None:
    scales = np.geomspace(0.05, 100.0, 64)
    made = logistic_tables(scales, 0.1, 3.0)
    number, sixteenths = 50, 5
    unit = 2 ** int(made["tables.low_bits"][number])
    assert scales[number] / unit <= 3 < scales[number] / (unit / 2)
    values = np.arange(-3000 * unit, 3000 * unit)
    edges = np.append(values, values[-1] + 1) - 0.5 - (sixteenths - 8) / 16

    def mass(scale: float) -> np.ndarray:
        return np.diff(1 / (1 + np.exp(-np.clip(edges / scale, -700, 700))))

    mixture = 0.9 * mass(scales[number]) + 0.1 * mass(3 * scales[number])
    symbol = np.clip(np.floor_divide(values, unit), -15, 15) + 15
    expected = np.bincount(symbol, mixture) * (TOTAL - 31) + 1
    assert np.abs(made["tables.wide"][number, sixteenths] - expected).max() <= 1


def test_narrow_scales_end_at_a_fifth_of_a_step() -> None:
    scales = np.geomspace(0.05, 100.0, 64)
    made = logistic_tables(scales, 0.01, 3.0)
    assert len(made["tables.narrow"]) == (scales <= 0.2).sum()
    assert len(logistic_tables(scales + 1, 0.01, 3.0)["tables.narrow"]) == 1
    assert made["tables.narrow"][0, 8, 2] > 0.97 * TOTAL


def test_far_tails_keep_their_digits() -> None:
    # At 30 scales from the mean a plain 1 - sigmoid would be 0; the tail's weight shows above 1.
    made = logistic_tables(np.geomspace(0.05, 3.0, 64), 0.5, 500.0)
    assert made["tables.narrow"][0, 0, 4] > 1000


@given(st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=40))
def test_counts_are_rounded_by_largest_remainder(weights: list[float]) -> None:
    probabilities = np.array([weights]) / sum(weights)
    counts = round_to_counts(probabilities)
    assert counts.sum() == TOTAL
    exact = probabilities * (TOTAL - len(weights)) + 1
    assert np.abs(counts - exact).max() < 1


def test_scales_must_rise_and_fit() -> None:
    for scales in (np.ones(64), np.linspace(0, 1, 64), np.geomspace(1, 10, 63)):
        with pytest.raises(TrainingError, match="rising"):
            logistic_tables(scales, 0.01, 3.0)
    with pytest.raises(TrainingError, match="at most"):
        logistic_tables(np.geomspace(1, 1e6, 64), 0.01, 3.0)
