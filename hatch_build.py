"""Puts the compiled walk into the wheel, where there is a C compiler.

Without one the wheel is pure Python, and NumPy walks. `tools/wheels.py` hands over a library that is
already compiled, with the tag of the system that it is for, in two environment variables.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("vqzip") / "prior" / "compiled"


class CompiledWalkHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the library to a wheel, or to the source folder of an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what the wheel holds."""
        if self.target_name != "wheel":
            return
        source = Path(self.root) / FOLDER
        compiling = _module(source / "compile.py")
        self._folder = Path(tempfile.mkdtemp())
        library = Path(
            os.environ.get("VQZIP_WHEEL_LIBRARY") or self._folder / compiling.library_name()
        )
        if version == "editable":
            compiling.compile_if_possible(source / library.name)
            return
        if not library.exists() and not compiling.compile_if_possible(library):
            self.app.display_warning("No C compiler: NumPy will do the work of the compiled walk.")
            return
        build_data["force_include"][str(library)] = (FOLDER / library.name).as_posix()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ.get('VQZIP_WHEEL_TAG') or _platform_tag()}"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Remove what was compiled."""
        shutil.rmtree(getattr(self, "_folder", ""), ignore_errors=True)


def _module(path: Path) -> ModuleType:
    """Return a module that is not installed yet."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform_tag() -> str:
    """Return the tag of wheels for this very system."""
    if sys.platform == "darwin":
        from packaging.tags import mac_platforms

        return next(mac_platforms())
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
