"""Rate and distortion of models and anchors, picture by picture, on real files.

Every point is a picture that was encoded to bytes and decoded from these bytes alone; its rate is
their number, headers included, and its distortion is that of the 8-bit picture that came out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip import metrics
from vqzip.codes import TokenMaps
from vqzip.configs import ModelConfig
from vqzip.measuring.analysis.code_lengths import (
    CodeLengthTally,
    LevelCodeLength,
    Overhead,
    overhead,
)
from vqzip.measuring.anchors import Anchor
from vqzip.measuring.source_pictures import MAX_PIXELS, SourcePicture, channels, read_visible
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import image_from_picture

WHOLE_QUALITIES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
ONLY_QUALITY = (4.0,)
"""What a model of one quality is asked for; it pays no attention."""

Progress = Callable[[int, int, str], None]
"""Called after each file: files done, files in all, and what was done."""


class CodedPicture(Protocol):
    """What measuring needs of `codec.Encoded`."""

    @property
    def data(self) -> bytes:
        """The file."""

    @property
    def code_length_bits(self) -> tuple[float, ...]:
        """Code length of each level under the integer prior."""

    @property
    def codes(self) -> TokenMaps:
        """The codes that were written."""

    @property
    def quality(self) -> float:
        """Quality the file was coded at."""


class MeasuredModel(Protocol):
    """What measuring needs of `models.folder.Model`."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def config(self) -> ModelConfig:
        """Its levels and qualities."""


class MeasuredCodec(Protocol):
    """What measuring needs of `codec.Codec`."""

    @property
    def model(self) -> MeasuredModel:
        """The model it codes with."""

    def encode_picture(self, picture: Picture, *, quality: float, effort: int = 4) -> CodedPicture:
        """Return the file of a picture, with its codes and their length."""

    def decode_picture(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
        """Return the picture of a file."""

    def decode_codes(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> TokenMaps:
        """Return the codes of a file."""


@dataclass(frozen=True)
class RdPoint:
    """One picture, coded by one codec at one setting.

    Args:
        codec: the anchor's or model's label.
        setting: the model's quality, or the anchor's quality or bits per pixel asked for.
        picture: path below the folder that was measured.
        payload_bytes: size of the file.
        pixels: width times height.
        rate_bpp: bits of the file per pixel.
        bits_per_dim: bits of the file per sample (three in a pixel, one if gray).
        mse: on samples in [0, 1].
        psnr_db: infinite for equal pictures.
        ms_ssim: None for pictures that are too small.
        encode_s: seconds from pixels to bytes.
        decode_s: seconds from bytes to pixels.
        code_length_bits: of each level under the model's prior; empty for an anchor.
        codes_equal: whether the file's codes are those that were encoded; None for an anchor.
    """

    codec: str
    setting: float
    picture: str
    payload_bytes: int
    pixels: int
    rate_bpp: float
    bits_per_dim: float
    mse: float
    psnr_db: float
    ms_ssim: float | None
    encode_s: float
    decode_s: float
    code_length_bits: tuple[float, ...] = ()
    codes_equal: bool | None = None


@dataclass(frozen=True)
class Measurement:
    """All points of one codec.

    Args:
        label: `codec` of all its points.
        title: for tables and plots.
        settings: in the order measured.
        points: a picture's settings together.
        description: version of the encoder and its options, or the model's quality and effort.
        levels: prior against order 0; empty for an anchor.
        overhead: of the files over their code lengths; None for an anchor.
        own_metric: what a model was trained for; PSNR for an anchor.
    """

    label: str
    title: str
    settings: tuple[float, ...]
    points: tuple[RdPoint, ...]
    description: str
    levels: tuple[LevelCodeLength, ...] = ()
    overhead: Overhead | None = None
    own_metric: metrics.Metric = "psnr"

    @property
    def has_curve(self) -> bool:
        """Whether several settings were measured; one is a point without a BD-rate."""
        return len(self.settings) > 1


def measure_model(
    codec: MeasuredCodec,
    pictures: Sequence[SourcePicture],
    *,
    qualities: Sequence[float] | None = None,
    effort: int = 4,
    label: str | None = None,
    device: str = "cpu",
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Measurement:
    """Code pictures with a model at several qualities.

    Args:
        codec: of the model.
        pictures: from `find_pictures`.
        qualities: None for the whole ones, 1 to 8. A model of one quality is measured once.
        effort: of the encoder, 0 to 9.
        label: name in results; None takes the model's.
        device: where the metrics are computed.
        max_pixels: larger pictures are refused.
        progress: called after each file.

    Raises:
        PictureError: a picture cannot be read.
        UsageError: a package or device is missing.
    """
    metrics.check_ms_ssim_installed()
    has_qualities = codec.model.config.vqvae.quality_steps > 1
    if not qualities or not has_qualities:
        qualities = default_qualities(codec.model.config)
    label = label or codec.model.name
    tally = CodeLengthTally()
    points: list[RdPoint] = []
    for source in pictures:
        picture, visible = read_visible(source, max_pixels)
        for quality in qualities:
            start = time.perf_counter()
            encoded = codec.encode_picture(picture, quality=quality, effort=effort)
            between = time.perf_counter()
            decoded = codec.decode_picture(encoded.data, max_pixels=max_pixels)
            end = time.perf_counter()
            codes = codec.decode_codes(encoded.data, max_pixels=max_pixels)
            tally.add(encoded.quality, encoded.codes, encoded.code_length_bits)
            points.append(
                _point(
                    source,
                    picture,
                    decoded.pixels,
                    codec=label,
                    # Effort 9 may code some pictures an eighth off the quality asked for.
                    setting=quality if has_qualities else encoded.quality,
                    payload_bytes=len(encoded.data),
                    encode_s=between - start,
                    decode_s=end - between,
                    device=device,
                    visible=visible,
                    code_length_bits=tuple(encoded.code_length_bits),
                    codes_equal=codes.equals(encoded.codes),
                )
            )
            if progress is not None:
                what = f"{label} q{encoded.quality:g} {source.name}"
                progress(len(points), len(pictures) * len(qualities), what)
    return Measurement(
        label=label,
        title=label,
        settings=tuple(dict.fromkeys(point.setting for point in points)),
        points=tuple(points),
        description=f"model {codec.model.name}, effort {effort}",
        levels=tally.levels(),
        overhead=overhead([(p.payload_bytes, sum(p.code_length_bits)) for p in points]),
        own_metric=own_metric(codec.model),
    )


def measure_anchor(
    anchor: Anchor,
    pictures: Sequence[SourcePicture],
    *,
    settings: Sequence[float] | None = None,
    device: str = "cpu",
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Measurement:
    """Code pictures with an anchor at its settings.

    Args:
        anchor: from `find_anchor`.
        pictures: from `find_pictures`.
        settings: None for the anchor's own, which BD-rates should be measured with.
        device: where the metrics are computed.
        max_pixels: larger pictures are refused.
        progress: called after each file.

    Raises:
        PictureError: a picture cannot be read or coded.
        UsageError: a package or device is missing.
    """
    metrics.check_ms_ssim_installed()
    settings = tuple(settings or anchor.settings)
    points: list[RdPoint] = []
    for source in pictures:
        picture, visible = read_visible(source, max_pixels)
        image = image_from_picture(picture)
        for setting in settings:
            start = time.perf_counter()
            data = anchor.encode(image, setting)
            between = time.perf_counter()
            decoded = np.asarray(anchor.decode(data))
            end = time.perf_counter()
            points.append(
                _point(
                    source,
                    picture,
                    decoded,
                    codec=anchor.name,
                    setting=setting,
                    payload_bytes=len(data),
                    encode_s=between - start,
                    decode_s=end - between,
                    device=device,
                    visible=visible,
                )
            )
            if progress is not None:
                what = f"{anchor.name} {setting:g} {source.name}"
                progress(len(points), len(pictures) * len(settings), what)
    return Measurement(anchor.name, anchor.title, settings, tuple(points), anchor.describe())


def default_qualities(config: ModelConfig) -> tuple[float, ...]:
    """Return 1 to 8 for a model with qualities, and one for a model without."""
    return WHOLE_QUALITIES if config.vqvae.quality_steps > 1 else ONLY_QUALITY


def own_metric(model: MeasuredModel) -> metrics.Metric:
    """Return the metric that a model was trained for, by which its qualities should rise."""
    return "ms_ssim" if model.config.metric == "ms-ssim" else "psnr"


def _point(
    source: SourcePicture,
    picture: Picture,
    decoded: NDArray[np.uint8],
    *,
    codec: str,
    setting: float,
    payload_bytes: int,
    encode_s: float,
    decode_s: float,
    device: str,
    visible: NDArray[np.bool_] | None,
    code_length_bits: tuple[float, ...] = (),
    codes_equal: bool | None = None,
) -> RdPoint:
    pixels = picture.width * picture.height
    distortion = metrics.distortion(picture.pixels, decoded, device, visible=visible)
    return RdPoint(
        codec=codec,
        setting=setting,
        picture=source.name,
        payload_bytes=payload_bytes,
        pixels=pixels,
        rate_bpp=metrics.rate_bpp(payload_bytes, pixels),
        bits_per_dim=metrics.bits_per_dim(payload_bytes, pixels, channels(picture)),
        mse=distortion.mse,
        psnr_db=distortion.psnr_db,
        ms_ssim=distortion.ms_ssim,
        encode_s=encode_s,
        decode_s=decode_s,
        code_length_bits=code_length_bits,
        codes_equal=codes_equal,
    )
