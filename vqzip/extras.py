"""The one sentence for a package that only an extra of vqzip brings."""

from __future__ import annotations

from vqzip.errors import UsageError


def missing_package(package: str, purpose: str, extra: str = "report") -> UsageError:
    """Return the error for a package that is not installed.

    Args:
        package: name on the package index.
        purpose: what it was wanted for, as the start of the sentence.
        extra: the extra of vqzip that brings it.
    """
    return UsageError(f"{purpose} needs {package}: pip install vqzip[{extra}]")
