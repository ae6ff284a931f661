"""Two thousand hostile and damaged files: each is refused with a sentence, or gives its picture."""

from __future__ import annotations

import pytest

from tools.fuzz.campaign import Campaign, Tally
from tools.fuzz.run import report
from tools.fuzz.target import PICTURE

CASES = 2000


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(0, tmp_path_factory.mktemp("failures"))


def test_files_are_refused_or_read(campaign: Campaign) -> None:
    tally = campaign.run(range(CASES))
    assert not tally.failures, report(tally)
    assert tally.cases == CASES
    # The cases are worth running: damage is met at every depth, and many attacks are well-formed.
    assert min(tally.damaged.total(), tally.attacked.total()) > 0.45 * CASES
    assert tally.attacked[PICTURE] > 0.1 * tally.attacked.total()
    assert len(tally.damaged) > 5
    assert len(tally.attacked) > 6


def test_a_case_is_its_number(campaign: Campaign) -> None:
    for number in (0, 5, 17):
        assert campaign.case(number) == campaign.case(number)
    assert campaign.case(0).data != campaign.case(5).data


def test_a_tally_is_what_was_written(campaign: Campaign) -> None:
    tally = campaign.run(range(10))
    tally.failures.append((3, "Failure: made up"))
    assert Tally.from_json(tally.to_json()) == tally
