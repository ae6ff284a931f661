"""Checks of an untrusted file before anything is decoded: limits, and completeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vqzip.container.fields import Header, VqzFile
from vqzip.container.parse import parse
from vqzip.errors import InvalidFile, LimitExceeded

LARGEST_TILE_PIXELS = 1 << 22
"""Largest stream tile that is decoded, four times the encoder's. A tile is decoded as a whole, so memory
grows with it (docs/promises/hostile.md)."""


@dataclass(frozen=True)
class Completeness:
    """How much of a file's codes is left; as text, part of a sentence.

    Args:
        levels: number of levels that are complete in the whole picture, coarse first.
        all_levels: number of levels of the model.
        parts: number of complete payloads, one for each stream in each stream tile.
        all_parts: number of payloads of the complete file.
    """

    levels: int
    all_levels: int
    parts: int
    all_parts: int

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.parts == self.all_parts

    def __str__(self) -> str:
        numbers = "level 1" if self.levels == 1 else f"levels 1 to {self.levels}"
        if not self.levels:
            numbers = "no complete level"
        share = f"{100 * self.parts // self.all_parts} % of its parts"
        return f"{numbers} (of {self.all_levels}), {share}"


def completeness(file: VqzFile, stream_of_level: Sequence[int]) -> Completeness:
    """Return how much of a file is left.

    Args:
        file: as `parse` with `partial` returns it.
        stream_of_level: the stream that holds each level, coarse first.
    """
    there = [all(payload is not None for payload in stream) for stream in file.streams]
    levels = 0
    while levels < len(stream_of_level) and all(there[: stream_of_level[levels] + 1]):
        levels += 1
    payloads = [payload for stream in file.streams for payload in stream]
    parts = sum(payload is not None for payload in payloads)
    return Completeness(levels, len(stream_of_level), parts, len(payloads))


def open_file(
    data: bytes, stream_of_level: Sequence[int], *, max_pixels: int, partial: bool
) -> VqzFile:
    """Parse a file; the error for a file that is truncated in its codes says how much is left.

    Args:
        data: the whole file.
        stream_of_level: of the model, the stream that holds each level.
        max_pixels: largest width times height to accept.
        partial: accept a truncated file, as `parse` does.

    Raises:
        InvalidFile: as `parse`, or a stream tile is too large to be decoded.
    """
    try:
        file = parse(data, max_pixels=max_pixels, partial=partial)
    except InvalidFile as error:
        if partial:
            raise
        raise _told(error, data, stream_of_level, max_pixels) from error
    check_tile(file.header)
    return file


def _told(
    error: InvalidFile, data: bytes, stream_of_level: Sequence[int], max_pixels: int
) -> InvalidFile:
    """Return an error that says how much of a file is left, if only its codes are damaged."""
    try:
        file = parse(data, max_pixels=max_pixels, partial=True)
    except InvalidFile:
        return error
    there = completeness(file, stream_of_level)
    advice = (
        f", or decode what is left with `partial`: {there}"
        if there.parts
        else ": no complete level is left"
    )
    return type(error)(f"{error.message.removesuffix('.')}{advice}.", offset=error.offset)


def check_tile(header: Header) -> None:
    """Refuse stream tiles that are far larger than the encoder's.

    Raises:
        LimitExceeded: they are too large.
    """
    pixels = min(header.tile_side, header.width) * min(header.tile_side, header.height)
    if pixels > LARGEST_TILE_PIXELS:
        raise LimitExceeded(
            f"the file's stream tiles have {pixels} pixels, more than the {LARGEST_TILE_PIXELS} that "
            "allowed; encode the picture with smaller ones."
        )
