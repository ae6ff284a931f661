"""`vqzip doctor`: versions, and which implementation of the walk runs here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from vqzip.cli.console import print_result

PACKAGES = ("numpy", "pillow", "torch", "onnxruntime")
"""Packages whose versions matter in a bug report."""


def doctor() -> None:
    """Show versions, which walk over the codes runs, and how many threads."""
    print_result("\n".join(f"{name}: {found}" for name, found in findings().items()))


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


def versions() -> dict[str, str]:
    """Return the versions that matter for what the codec does, without loading anything."""
    python = {"Python": platform.python_version()}
    return python | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
