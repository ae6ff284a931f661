"""Measure what each idea between VQ-VAE-2 and `photo` is worth, and write it into docs/results/tables.md.

`photo` is measured as it is and with its ideas taken away again, the last one first: the network after
the wavelet, the choice of codes by rate and distortion, the prior. What is left is a wavelet with uniform
steps and one histogram a subband. Beside these curves stand models of learned codebooks, a point each.

python -m tools.figures.ideas kodak --also runs/vqvae-512 --also runs/vqvae2-64
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.marked_parts import write_marked_part
from vqzip.autoencoders.torch_transform import TorchTransform
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.cli.files_display import FilesDisplay
from vqzip.codec.codec import Codec, load
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.encoder import Encoded
from vqzip.errors import ModelError, VqzipError
from vqzip.measuring.analysis.code_lengths import channel_histograms
from vqzip.measuring.analysis.comparisons import compare, mean_points
from vqzip.measuring.analysis.single_points import at_equal_quality
from vqzip.measuring.anchors.pillow import JPEG
from vqzip.measuring.measure import Measurement, measure
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR
from vqzip.measuring.report.tables import Table, number
from vqzip.measuring.source_pictures import SourcePicture, find_pictures
from vqzip.measuring.subject import ModelSubject
from vqzip.models.folder import Model
from vqzip.models.folder import load as load_model
from vqzip.pictures.picture import Picture

ROOT = Path(__file__).resolve().parents[2]
PAGE, MODELS = Path("docs/results/tables.md"), Path("models")
NEAREST, CHOSEN = 0, DEFAULT_EFFORT
"""Efforts of the encoder: nearest codes, codes chosen by rate and distortion."""

HISTOGRAMS = "wavelet, uniform steps, a histogram a subband"
PRIOR = "+ the PixelCNN prior"
CHOICE = "+ codes chosen by rate and distortion"
NETWORK = "+ a network after the wavelet: `photo`"


class CountingCodec(Codec):
    """A codec that also keeps a histogram of each level and channel of every picture it codes."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.histograms: list[tuple[float, list[Counter[int]]]] = []

    def encode_picture(self, picture: Picture, **options: Any) -> Encoded:
        """Encode, and count; see `Codec`."""
        encoded = super().encode_picture(picture, **options)
        counted = [h for level in encoded.codes.levels for h in channel_histograms(level)]
        self.histograms.append((encoded.quality, counted))
        return encoded

    def order0_bits(self) -> list[float]:
        """Return the code length of every file under the histograms of all pictures at its quality.

        The histograms themselves cost nothing, which favors them.
        """
        totals: dict[tuple[float, int], Counter[int]] = defaultdict(Counter)
        for quality, counted in self.histograms:
            for channel, histogram in enumerate(counted):
                totals[quality, channel].update(histogram)
        lengths = {
            key: {code: math.log2(all_codes.total() / n) for code, n in all_codes.items()}
            for key, all_codes in totals.items()
        }
        return [
            sum(
                count * lengths[quality, channel][code]
                for channel, histogram in enumerate(counted)
                for code, count in histogram.items()
            )
            for quality, counted in self.histograms
        ]


@dataclass(frozen=True)
class Measured:
    """Files of a model, and the same pictures at the rate of histograms."""

    files: Measurement
    histograms: Measurement


def measure_both(
    codec: Codec, pictures: Sequence[SourcePicture], label: str, effort: int, display: FilesDisplay
) -> Measured:
    """Code all pictures at all qualities of a model."""
    counting = CountingCodec(codec.model)
    subject = ModelSubject(counting, effort=effort, name=label)
    files = measure(subject, pictures, progress=display.next(label))
    points = []
    for point, bits in zip(files.points, counting.order0_bits(), strict=True):
        size = round(bits / 8)
        share = size / point.payload_bytes
        points.append(
            replace(
                point,
                payload_bytes=size,
                rate_bpp=point.rate_bpp * share,
                bits_per_dim=point.bits_per_dim * share,
            )
        )
    return Measured(files, replace(files, label=f"{label}, order 0", points=tuple(points)))


def without_network(codec: Codec) -> Codec:
    """Take the network after the wavelet away from a codec of one's own.

    Raises:
        ModelError: it has none.
    """
    made = codec.model.autoencoder.transform
    transform = made.networks if isinstance(made, TorchTransform) else None
    if not isinstance(transform, WaveletTransform) or transform.after is None:
        raise ModelError(f"model '{codec.model.name}' has no network after a wavelet.")
    transform.after = None
    return codec


def ladder(rungs: Sequence[tuple[str, Measurement]], jpeg: Measurement) -> Table:
    """Return BD-rates of curves against JPEG, and of each against the one before."""
    rows = []
    for place, (title, curve) in enumerate(rungs):
        before = rungs[place - 1][1] if place else None
        gain = "" if before is None else f"{compare(curve, before, PSNR).per_picture.percent:+.1f}"
        ends = mean_points(curve)
        rows.append(
            (
                title,
                f"{ends[0].rate_bpp:.3f} to {ends[-1].rate_bpp:.3f}",
                " to ".join(number(end.scores[PSNR.name], 1) for end in (ends[0], ends[-1])),
                f"{compare(curve, jpeg, PSNR).per_picture.percent:+.1f}",
                gain,
            )
        )
    header = ("curve", "bpp", "PSNR dB", "BD-rate against JPEG, %", "against the row above, %")
    return Table(
        "Ideas between VQ-VAE-2 and `photo`, by PSNR, mean over pictures", header, tuple(rows)
    )


def codebooks(points: Sequence[tuple[str, Measured]], curves: Sequence[Measurement]) -> Table:
    """Return what models of one quality take, and what the curves take for the same PSNR."""
    rows = []
    for title, model in points:
        (mean,) = mean_points(model.files)
        (order0,) = mean_points(model.histograms)
        others = []
        for curve in curves:
            found = at_equal_quality(model.files, curve, PSNR)
            reached = f" ({found.pictures} of {found.pictures + found.left_out})"
            percent = f"{found.percent:+.1f}{reached if found.left_out else ''}"
            others.append(percent if found.pictures else "-")
        rows.append(
            (
                title,
                number(order0.rate_bpp, 3),
                number(mean.rate_bpp, 3),
                *(number(mean.scores[metric.name], metric.digits) for metric in (PSNR, MS_SSIM)),
                *others,
            )
        )
    header = (
        "model",
        "bpp with histograms",
        "bpp of files",
        "PSNR dB",
        "MS-SSIM",
        "bits of the wavelet with the prior, %",
        "bits of `photo`, %",
    )
    return Table("Learned codebooks, and what others take for the same PSNR", header, tuple(rows))


def tables(pictures: Path, also: Sequence[Path]) -> str:
    """Measure everything and return the two tables."""
    found = find_pictures(pictures)
    photo = load(ROOT / MODELS / "photo", "cpu")
    bare = without_network(Codec(load_model(ROOT / MODELS / "photo", runtime="torch")))
    single = [load(folder, "cpu") for folder in also] + [load(ROOT / MODELS / "vqvae2", "cpu")]
    with FilesDisplay() as display:
        jpeg = measure(JPEG, found, progress=display.next("jpeg"))
        nearest = measure_both(bare, found, "nearest codes", NEAREST, display)
        chosen = measure_both(bare, found, "chosen codes", CHOSEN, display)
        whole = measure_both(photo, found, "photo", CHOSEN, display)
        points = [
            (f"`{codec.model.name}`", measure_both(codec, found, codec.model.name, CHOSEN, display))
            for codec in single
        ]
    rungs = (
        (HISTOGRAMS, nearest.histograms),
        (PRIOR, nearest.files),
        (CHOICE, chosen.files),
        (NETWORK, whole.files),
    )
    curves = nearest.files, whole.files
    return f"{ladder(rungs, jpeg).markdown()}\n{codebooks(points, curves).markdown()}"


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of the report's pictures")
    parser.add_argument(
        "--also", action="append", type=Path, default=[], help="a run of one quality; repeatable"
    )
    arguments = parser.parse_args()
    try:
        text = write_marked_part(
            ROOT / PAGE, "ideas", lambda: tables(arguments.pictures, arguments.also)
        )
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
