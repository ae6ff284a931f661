"""Which walk runs: the switch, and what is said of it."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tools.prior.random_priors import grid_configs, random_prior
from vqzip.cli.doctor import findings
from vqzip.errors import UsageError
from vqzip.prior.compiled import library as library_module
from vqzip.prior.compiled import structures as c
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.compile import compile_if_possible, compile_walk, find_compiler
from vqzip.prior.compiled.library import LIBRARY_SWITCH, SWITCH, Library, open_library
from vqzip.prior.compiled.pack import Packed
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.prior.walk import backend_for
from vqzip.quality import Quality

PRIOR = random_prior(*grid_configs())


@pytest.fixture(autouse=True)
def opened_anew() -> Iterator[None]:
    library_module.library.cache_clear()
    yield
    library_module.library.cache_clear()


@pytest.fixture
def compiled(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setenv(LIBRARY_SWITCH, str(library.path))
    monkeypatch.delenv(SWITCH, raising=False)
    return library


def test_the_compiled_walk_runs_where_it_is(compiled: Library) -> None:
    assert isinstance(backend_for(PRIOR), CompiledBackend)
    assert findings()["walk over the codes"] == f"compiled, {compiled.name} ({compiled.path})"


def test_numpy_can_be_asked_for(compiled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "numpy")
    assert isinstance(backend_for(PRIOR), NumpyBackend)
    assert findings()["walk over the codes"] == "NumPy, slower: VQZIP_WALK asks for it"


def test_plain_c_can_be_asked_for(compiled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "plain")
    assert findings()["walk over the codes"].startswith("compiled, plain C (")


def test_instructions_that_are_not_there_are_refused(compiled: Library) -> None:
    with pytest.raises(UsageError, match=r"this processor has: .*plain C"):
        open_library("simd128")
    with pytest.raises(UsageError, match="must be numpy, avx512, "):
        open_library("mmx")


def test_without_a_library_numpy_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_SWITCH, str(tmp_path / "none.so"))
    monkeypatch.delenv(SWITCH, raising=False)
    assert isinstance(backend_for(PRIOR), NumpyBackend)
    assert "no C compiler was there" in findings()["walk over the codes"]
    with pytest.raises(UsageError, match="there is no compiled walk here"):
        open_library("avx2")


def test_a_library_of_another_system_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "_walk.so"
    path.write_bytes(b"MZ" + bytes(100))
    monkeypatch.setenv(LIBRARY_SWITCH, str(path))
    monkeypatch.delenv(SWITCH, raising=False)
    assert isinstance(backend_for(PRIOR), NumpyBackend)
    assert "cannot be loaded on this system" in findings()["walk over the codes"]


def test_without_a_compiler_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "_walk.so"
    monkeypatch.setenv("CC", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() is None
    assert not compile_if_possible(library)
    monkeypatch.setenv("CC", str(tmp_path / "no-compiler"))
    assert not compile_if_possible(library)
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_fails_leaves_nothing(tmp_path: Path) -> None:
    if find_compiler() is None:
        pytest.skip("needs a C compiler")
    with pytest.raises(subprocess.CalledProcessError):
        compile_walk(tmp_path / "_walk.so", find_compiler() or [], ["-no-such-flag"])
    assert list(tmp_path.iterdir()) == []


def test_sizes_that_contradict_each_other_are_refused(library: Library) -> None:
    level = Packed(PRIOR).levels[0]
    codes = np.zeros((3, 5, 5), np.int32)
    reader = c.Reader()

    def result(**changes: int) -> c.Result:
        job = c.Job(
            height=5, width=5, condition=0, coded_stages=2, last_tile=4, codes=codes.ctypes.data
        )
        for name, value in changes.items():
            setattr(job, name, value)
        return c.Result(library.functions.vqz_read(level, job, reader, library.kernels))

    assert result() == c.Result.DONE
    for name, value in (
        ("height", 0),
        ("width", 1 << 40),
        ("condition", PRIOR.condition(Quality(56), gray=True).row + 1),
        ("condition", -1),
        ("coded_stages", 3),
        ("coded_stages", 0),
        ("first_tile", -1),
        ("last_tile", 5),
        ("codes", 0),
    ):
        assert result(**{name: value}) == c.Result.DOES_NOT_FIT, (name, value)
    level.from_taps.pairs += 1
    assert result() == c.Result.DOES_NOT_FIT


def test_structures_are_those_of_the_library(library: Library) -> None:
    assert library.functions.vqz_layout() == c.LAYOUT
    assert ctypes.sizeof(c.Weights) == 24
