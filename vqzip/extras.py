"""The error for a missing package that an extra of vqzip installs."""

from __future__ import annotations

from vqzip.errors import UsageError


def missing_package(package: str, purpose: str, extra: str = "report") -> UsageError:
    """Return the error for a package that is not installed.

    Args:
        package: its name on the package index.
        purpose: what needs it, as the start of the sentence.
        extra: the extra of vqzip that installs it.
    """
    return UsageError(f"{purpose} needs {package}: pip install vqzip[{extra}]")
