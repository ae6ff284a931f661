"""All errors of vqzip, as one tree of exceptions.

Each message is one sentence that says what is wrong and what to do. The command line prints it and
exits with `exit_code`.
"""

from __future__ import annotations


class VqzipError(Exception):
    """Base class of all errors that vqzip raises on purpose."""

    exit_code = 1


class InvalidFile(VqzipError):
    """A .vqz file cannot be read; says where reading stopped.

    Args:
        message: one sentence.
        offset: position of the fault in the file in bytes, if known.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        where = "" if offset is None else f" (at byte {offset})"
        super().__init__(f"{message}{where}")
        self.message, self.offset = message, offset


class NotVqz(InvalidFile):
    """The data is not a .vqz file: its first bytes differ."""


class Truncated(InvalidFile):
    """The file is shorter than its own lengths say."""


class ChecksumMismatch(InvalidFile):
    """A checksum differs from the data: some byte was changed."""


class UnsupportedVersion(InvalidFile):
    """The file needs a newer reader: a later version or an unknown critical section."""


class LimitExceeded(InvalidFile):
    """A length, size or code is outside the range of the format, or above `max_pixels`."""


class CodingError(VqzipError):
    """Codes cannot be entropy coded, for example because one is outside its alphabet."""


class ModelError(VqzipError):
    """A model is missing or damaged, or is not the model that a file was made with."""


class PictureError(VqzipError):
    """A picture cannot be read, written, or encoded."""


class RecipeError(VqzipError):
    """A recipe does not parse, or has an unknown key."""


class TrainingError(VqzipError):
    """Training cannot start or continue (no pictures, NaN, a missing device)."""


class TargetUnreachable(VqzipError):
    """No setting of the model reaches the requested size or quality."""


class UsageError(VqzipError):
    """Options that contradict each other; the command line exits with 2."""

    exit_code = 2


def missing_package(package: str, purpose: str, extra: str = "report") -> UsageError:
    """Return the error for a package that is not installed.

    Args:
        package: name on the package index.
        purpose: what it was wanted for, as the start of the sentence.
        extra: the extra of vqzip that brings it.
    """
    return UsageError(f"{purpose} needs {package}: pip install vqzip[{extra}]")
