"""Hypothesis profiles, the fixture pictures and the tiny model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Set before torch is loaded: the networks of the tests are so small that threads only get in the way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

GOLDEN = Path(__file__).parent / "golden"
DATA = Path(__file__).parent / "data"

fixed = settings(deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("dev", fixed, max_examples=25)
settings.register_profile("ci", fixed, max_examples=200)
settings.register_profile("nightly", max_examples=2000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The frozen tiny model that the golden files were made with."""
    return GOLDEN / "tiny"


@pytest.fixture(scope="session")
def photograph() -> Path:
    """A small photograph (323 x 310, JPEG); its source is in tests/data/README.md."""
    return DATA / "photograph.jpg"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a package look as if it were not installed."""

    def hide(package: str) -> None:
        for name in list(sys.modules):
            if name == package or name.startswith(f"{package}."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, package, None)

    return hide
