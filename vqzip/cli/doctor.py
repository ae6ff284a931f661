"""`vqzip doctor`: versions, what runs here, what is missing, and a self-test of every model."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import typer

from vqzip.cli.console import print_result, readable_time
from vqzip.errors import VqzipError

MISSING = "not installed"

PACKAGES = ("numpy", "pillow", "torch", "onnxruntime")
"""Packages whose versions matter in a bug report."""


OPTIONAL = {
    "HEIC pictures": ("pillow-heif", "heic"),
    "training, --effort 2 and 3": ("torch", "train"),
    "plots of rd-curve": ("matplotlib", "report"),
    "other codecs of rd-curve": ("pillow-jxl-plugin", "anchors"),
}
"""What a package is needed for; the package, and the extra that brings it."""


def doctor() -> None:
    """Show versions, what runs here and what is missing, and test every model.

    A model is tested by decoding the file in its folder, which another machine made.
    """
    for name, found in {**findings(), **places(), **optional()}.items():
        print_result(f"{name}: {found}")
    failed = False
    for name, error, passed in self_tests():
        print_result(f"self-test of {name}: {error or passed}")
        failed = failed or error is not None
    if failed:
        raise typer.Exit(1)


def findings() -> dict[str, str]:
    """Return the findings by name.

    Raises:
        UsageError: an environment variable asks for something that is missing.
    """
    from vqzip import __version__
    from vqzip.autoencoders.runtime import description as networks
    from vqzip.prior.compiled.library import description
    from vqzip.threads import thread_count

    found = {
        "vqzip": __version__,
        "Python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
    }
    found |= {package: _version(package) for package in PACKAGES}
    return found | {
        "walk over the codes": description(),
        "networks": networks(),
        "threads": str(thread_count()),
    }


def optional() -> dict[str, str]:
    """Return which optional packages are here, and how to get the others."""
    found = {}
    for purpose, (package, extra) in OPTIONAL.items():
        here = _version(package)
        missing = f'{here}; pip install "vqzip[{extra}]"'
        found[f"{package} ({purpose})"] = missing if here == MISSING else here
    return found


def places() -> dict[str, str]:
    """Return the folders in which models are searched."""
    from vqzip.models.places import search_path

    return {"models are searched in": ", ".join(str(folder) for folder in search_path())}


def self_tests() -> Iterator[tuple[str, str | None, str]]:
    """Yield name, error and result for every installed model; the error is None for a model that works."""
    from vqzip.codec.self_test import run_self_test
    from vqzip.families.known import load_model
    from vqzip.models.abilities import Compresses
    from vqzip.models.places import folders

    for folder in folders():
        started = time.perf_counter()
        try:
            model = load_model(folder)
            reached = run_self_test(model, folder) if isinstance(model, Compresses) else None
        except VqzipError as error:
            yield folder.name, str(error), ""
            continue
        seconds = readable_time(time.perf_counter() - started)
        passed = f"passed, {seconds}" if reached is not None else "there is none"
        yield folder.name, None, passed


def versions() -> dict[str, str]:
    """Return the versions that matter for what the codec does, without loading anything."""
    python = {"Python": platform.python_version()}
    return python | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING
