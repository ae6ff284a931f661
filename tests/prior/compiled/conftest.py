"""The compiled walk, whether it was built with the package or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from vqzip.prior.compiled.compile import compile_if_possible, library_name
from vqzip.prior.compiled.library import Library, kernel_names, open_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The walk as it is in the source folder now."""
    path = tmp_path_factory.mktemp("walk") / library_name()
    if not compile_if_possible(path):
        pytest.skip("needs a C compiler")
    found = open_library("", path)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def libraries(library: Library) -> list[Library]:
    """The walk with each set of instructions that this processor has."""
    names = kernel_names(library.functions)
    return [Library(library.path, library.functions, n, name) for n, name in enumerate(names)]


@pytest.fixture
def library_path(library: Library) -> Path:
    return library.path
