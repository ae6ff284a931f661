"""The module in the repository is the one that its source makes."""

from __future__ import annotations

import pytest

from tools.web.build import (
    MODULE,
    compile_module,
    exports,
    has_compiler,
    source_digest,
    stored_digest,
)


def test_the_module_was_built_from_the_source_that_is_here() -> None:
    module = MODULE.read_bytes()
    assert stored_digest(module) == source_digest(), "run `python -m tools.web.build`"
    assert len(module) < 200_000


def test_the_module_exports_what_the_page_calls() -> None:
    scripts = "".join(path.read_text("utf-8") for path in MODULE.parent.glob("*.js"))
    assert [name for name in exports() if name not in scripts] == []


@pytest.mark.slow
@pytest.mark.skipif(
    not has_compiler(), reason="ziglang is not installed in the version of the build"
)
def test_the_source_makes_the_same_bytes_again() -> None:
    assert compile_module() == MODULE.read_bytes()
