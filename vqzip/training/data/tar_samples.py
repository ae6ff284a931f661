"""Samples of WebDataset shards by number: tar files in which the files of a sample have one name.

The package `webdataset` reads shards from front to back. Training needs the same crops again after a resume, so it
reads samples by number.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqzip.errors import TrainingError


@dataclass(frozen=True)
class _Place:
    """Where a file lies in a shard."""

    shard: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the content of the file."""
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


class TarSamples:
    """The samples of some shards: dictionaries from suffixes to bytes.

    Args:
        shards: uncompressed tar files.

    Raises:
        TrainingError: a file is no uncompressed tar file.
    """

    def __init__(self, shards: Sequence[Path]) -> None:
        self._samples = [sample for shard in shards for sample in _index(shard)]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, number: int) -> dict[str, bytes]:
        """Return a sample by its suffixes, such as `jpg` and `cls`."""
        return {suffix: place.read() for suffix, place in self._samples[number].items()}


def _index(shard: Path) -> list[dict[str, _Place]]:
    """Return where the files of every sample of a shard lie, in the shard's order."""
    samples: dict[str, dict[str, _Place]] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                folder, _, file = member.name.rpartition("/")
                stem, _, suffix = file.partition(".")
                if member.isfile() and stem and suffix:
                    place = _Place(shard, member.offset_data, member.size)
                    samples.setdefault(f"{folder}/{stem}", {})[suffix.lower()] = place
    except (tarfile.TarError, OSError) as error:
        raise TrainingError(
            f"the shard {shard} cannot be read ({error}); give uncompressed tar files."
        ) from error
    return list(samples.values())
