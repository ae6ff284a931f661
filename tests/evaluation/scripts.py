"""The scripts in docs/pictures, which are no part of a package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).parents[2]


@contextmanager
def loaded_script(name: str) -> Iterator[ModuleType]:
    """Load `docs/pictures/NAME.py` while the context lasts."""
    path = CHECKOUT / "docs" / "pictures" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]
