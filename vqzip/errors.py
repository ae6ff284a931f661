"""Everything that vqzip can refuse, as one tree of exceptions.

Each message is one sentence that says what is wrong and what to do; the command line prints it and
leaves with `exit_code`.
"""

from __future__ import annotations


class VqzipError(Exception):
    """Root of every error that vqzip raises on purpose."""

    exit_code = 1


class InvalidFile(VqzipError):
    """A .vqz file that cannot be read, with the place where reading stopped.

    Args:
        message: one sentence.
        offset: byte in the file at which the fault was seen, if known.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        where = "" if offset is None else f" (at byte {offset})"
        super().__init__(f"{message}{where}")
        self.message, self.offset = message, offset


class NotVqz(InvalidFile):
    """The data does not begin like a .vqz file."""


class Truncated(InvalidFile):
    """The file ends before its own lengths say so."""


class ChecksumMismatch(InvalidFile):
    """A stored checksum differs from the data: some byte was altered."""


class UnsupportedVersion(InvalidFile):
    """The file needs a newer reader: a later version or an unknown critical section."""


class LimitExceeded(InvalidFile):
    """A length, size or code outside the legal range of the format or of `--max-pixels`."""


class CodingError(VqzipError):
    """Entropy coding was asked for something impossible (a code outside its alphabet)."""


class ModelError(VqzipError):
    """A model folder that is missing, damaged, or not the one a file was made with."""


class PictureError(VqzipError):
    """A picture that cannot be read, written, or coded."""


class RecipeError(VqzipError):
    """A recipe that does not parse, or has a key that nobody reads."""


class TrainingError(VqzipError):
    """Training that cannot start or go on (no pictures, NaN, a device that is not there)."""


class TargetUnreachable(VqzipError):
    """No setting of the model meets the size or quality asked for."""


class UsageError(VqzipError):
    """Options that contradict each other; the command line leaves with 2."""

    exit_code = 2
