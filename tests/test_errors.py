"""One tree of exceptions, each with the status that the command line leaves with."""

from __future__ import annotations

import pytest

from vqzip import errors
from vqzip.errors import InvalidFile, UsageError, VqzipError

EVERY = [value for value in vars(errors).values() if isinstance(value, type)]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_every_error_is_a_vqzip_error(error: type[VqzipError]) -> None:
    assert issubclass(error, VqzipError)
    assert error.exit_code == (2 if error is UsageError else 1)
    assert error.__doc__
    assert str(error("one sentence.")) == "one sentence."


def test_places_in_files_are_told() -> None:
    error = InvalidFile("the header is odd", offset=7)
    assert str(error) == "the header is odd (at byte 7)"
    assert error.offset == 7
    assert InvalidFile("odd").offset is None
