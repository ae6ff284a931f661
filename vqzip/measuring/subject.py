"""Subjects of measurements: codecs with a name and settings, one of vqzip's models or another codec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vqzip.codec.codec import Codec
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codes import Codes
from vqzip.measuring.analysis.code_length_maps import BitMap, code_length_maps
from vqzip.measuring.source_pictures import MAX_PIXELS
from vqzip.models.config import ModelConfig
from vqzip.pictures.picture import Picture

WHOLE_QUALITIES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
ONLY_QUALITY = (4.0,)
"""The setting of a model with one quality, which ignores it."""


@dataclass(frozen=True)
class CodeLengths:
    """Codes of a picture under a model.

    Args:
        codes: the codes of the file.
        bits: code length of each level under the model's prior.
        quality: of the codes.
    """

    codes: Codes
    bits: tuple[float, ...]
    quality: float


@dataclass(frozen=True)
class Coded:
    """A file that a subject made.

    Args:
        data: the whole file.
        setting: the setting that it counts for in results.
        code_lengths: of a model; None for codecs whose codes are not known.
    """

    data: bytes
    setting: float
    code_lengths: CodeLengths | None = None


class Subject(Protocol):
    """A codec that can be measured."""

    @property
    def name(self) -> str:
        """Name in results."""

    @property
    def title(self) -> str:
        """Name in tables and plots."""

    @property
    def settings(self) -> tuple[float, ...]:
        """Settings to measure, low rate first."""

    @property
    def own_metric(self) -> str:
        """Name of the metric that it was optimized for."""

    def describe(self) -> str:
        """Return versions and options in one line, so that results can be repeated."""

    def encode(self, picture: Picture, setting: float) -> Coded:
        """Return the file of a picture without alpha and metadata."""

    def decode(self, data: bytes) -> Picture:
        """Return the picture of a file, read from its bytes alone."""

    def decode_codes(self, data: bytes) -> Codes | None:
        """Return the codes of a file; None if `encode` returns no code lengths."""


class ModelSubject:
    """A model of vqzip.

    Args:
        codec: of the model.
        qualities: None for 1 to 8. A model of one quality is measured once.
        effort: of the encoder, 0 to 3.
        name: in results; None takes the model's.
        max_pixels: larger pictures are refused.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        qualities: Sequence[float] | None = None,
        effort: int = DEFAULT_EFFORT,
        name: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._codec, self._effort, self._max_pixels = codec, effort, max_pixels
        self._has_qualities = codec.model.config.vqvae.quality_steps > 1
        asked = qualities if self._has_qualities else None
        self.name = name or codec.model.name
        self.title = self.name
        self.settings = tuple(asked or default_qualities(codec.model.config))
        self.own_metric: str = codec.model.config.metric

    def describe(self) -> str:
        """Return the model's name, the start of its hash, and the encoder's effort."""
        model = self._codec.model
        return f"model {model.name} {model.id[:8].hex()}, effort {self._effort}"

    def encode(self, picture: Picture, setting: float) -> Coded:
        """Return the file of a picture, with its codes.

        Effort 9 may use a quality that is 1/8 off; the file counts for the requested quality.
        """
        encoded = self._codec.encode_picture(picture, quality=setting, effort=self._effort)
        lengths = CodeLengths(encoded.codes, tuple(encoded.code_length_bits), encoded.quality)
        counted = setting if self._has_qualities else encoded.quality
        return Coded(encoded.data, counted, lengths)

    def decode(self, data: bytes) -> Picture:
        """Return the picture of a file."""
        return self._codec.decode_picture(data, max_pixels=self._max_pixels)

    def decode_codes(self, data: bytes) -> Codes:
        """Return the codes of a file."""
        return self._codec.decode_codes(data, max_pixels=self._max_pixels)

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the levels, coarse first."""
        return tuple(level.stride for level in self._codec.model.config.vqvae.levels)

    def decode_levels(self, data: bytes, levels: int) -> Picture:
        """Return what the first levels of a file show."""
        return self._codec.decode_picture(data, levels=levels, max_pixels=self._max_pixels)

    def code_length_maps(self, data: bytes) -> list[BitMap]:
        """Return where the bits of a file are: a map for each level."""
        model = self._codec.model
        return code_length_maps(model.prior, model.config.vqvae, self.decode_codes(data))


def default_qualities(config: ModelConfig) -> tuple[float, ...]:
    """Return 1 to 8 for a model with qualities, and one for a model without."""
    return WHOLE_QUALITIES if config.vqvae.quality_steps > 1 else ONLY_QUALITY
