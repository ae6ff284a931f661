"""Fit the quantizer's steps by level and color to how pictures look.

Coordinate descent at each of some qualities: one group of subbands after the other gets a larger or a
smaller step, and keeps it where crops of validation pictures take fewer bits at equal quality by the
metrics `--by`. Bits are those of whole files, coded with the model's own prior. They are compared with the
curve that the unchanged model has on the same crop, interpolated at the same score. Metrics `--beside` are
measured and decide nothing: a gain that they do not see is one metric's own.

python -m tools.looks.fit_steps valid --quality 2.5,4.5,6.5 --by jod --beside butteraugli,psnr
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tools.looks.variants import EQUAL, GROUPS, Steps, read_steps, with_steps
from vqzip.codec.codec import Codec, load
from vqzip.errors import VqzipError
from vqzip.files import write_whole
from vqzip.measuring.analysis.bd_rate import Curve, rate_at
from vqzip.measuring.metrics.known import find_metrics
from vqzip.measuring.metrics.metric import Metric, Pair
from vqzip.measuring.source_pictures import find_pictures, read_plain, spread
from vqzip.pictures.picture import Picture

REFERENCE_QUALITIES = (1.0, 2.0, 3.0, 4.25, 5.5, 6.75, 8.0)
TRIAL: Steps = (0.45, 0.6, 1.2, 2.6, 0.8, 1.2, 1.5, 1.8)
"""Where the descent starts: found by hand."""
NEAR = 0.03
"""By how much the mean curve value may miss the unchanged model's, as a part of the whole curve's range."""


@dataclass(frozen=True)
class Crop:
    """A crop, and by name of the metric the unchanged model's curve on it."""

    name: str
    picture: Picture
    curves: dict[str, Curve]


@dataclass(frozen=True)
class Fit:
    """The steps found at one quality.

    Args:
        quality: of the model; steps are factors of its step there.
        steps: by group, as `GROUPS` has them.
        bpp: mean bits per pixel.
        values: mean curve values, by metric.
        percents: bits at equal quality against the unchanged model, mean over crops, by metric.
        loss: mean logarithm of the bits at equal quality, over the metrics that decide.
    """

    quality: float
    steps: Steps
    bpp: float
    values: dict[str, float]
    percents: dict[str, float]
    loss: float


@dataclass(frozen=True)
class Judges:
    """The metrics that decide, and those that are measured beside them."""

    by: tuple[Metric, ...]
    beside: tuple[Metric, ...]

    @property
    def all(self) -> tuple[Metric, ...]:
        """All of them, those that decide first."""
        return self.by + self.beside


@dataclass
class Descent:
    """Coordinate descent at one quality.

    Args:
        codec: of the unchanged model.
        crops: pictures that are coded.
        judges: metrics.
        quality: where the descent works.
        factors: what a group's step is multiplied with and divided by, pass after pass.
    """

    codec: Codec
    crops: Sequence[Crop]
    judges: Judges
    quality: float
    factors: Sequence[float]
    _known: dict[Steps, Fit] = field(default_factory=dict)

    def measure(self, steps: Steps) -> Fit:
        """Return what steps are worth."""
        if steps not in self._known:
            fit = measured(self.codec, self.crops, self.judges, self.quality, steps)
            self._known[steps] = fit
            say(fit)
        return self._known[steps]

    def run(self, start: Steps) -> Fit:
        """Return the best steps found, scaled to the mean quality of the unchanged model."""
        target = self.measure(EQUAL)
        best = self.scaled(self.measure(start), target)
        for factor in self.factors:
            for group in range(len(GROUPS)):
                for tried in (factor, 1 / factor):
                    moved = [*best.steps]
                    moved[group] = round(moved[group] * tried, 3)
                    found = self.measure(tuple(moved))
                    if found.loss < best.loss:
                        best = found
                        break
            best = self.scaled(best, target)
        return best

    def scaled(self, fit: Fit, target: Fit) -> Fit:
        """Scale all steps alike until the first metric's mean is nearly the target's."""
        name = self.judges.by[0].name
        change = 1.0
        for _ in range(4):
            missing = (target.values[name] - fit.values[name]) / self._range(name)
            if abs(missing) < NEAR:
                break
            # The whole curve is about a factor of 16 in steps.
            change = math.exp(-missing * math.log(16))
            fit = self.measure(tuple(round(step * change, 3) for step in fit.steps))
        return fit

    def _range(self, name: str) -> float:
        spans = [float(np.ptp(crop.curves[name].quality)) for crop in self.crops]
        return sum(spans) / len(spans) if spans else 1.0


def measured(
    codec: Codec, crops: Sequence[Crop], judges: Judges, quality: float, steps: Steps
) -> Fit:
    """Code all crops with other steps and compare them with the unchanged model's curves."""
    changed = with_steps(codec, {quality: steps})
    points = [coded(changed, crop.picture, quality, judges.all) for crop in crops]
    values, logs = {}, {}
    for metric in judges.all:
        name = metric.name
        values[name] = float(np.mean([found[name] for _, found in points]))
        ratios = [
            math.log(bpp / rate_at(crop.curves[name], found[name]))
            for crop, (bpp, found) in zip(crops, points, strict=True)
        ]
        known = [ratio for ratio in ratios if not math.isnan(ratio)]
        logs[name] = float(np.mean(known)) if known else math.inf
    return Fit(
        quality,
        steps,
        bpp=float(np.mean([bpp for bpp, _ in points])),
        values=values,
        percents={name: 100 * math.expm1(log) for name, log in logs.items()},
        loss=float(np.mean([logs[metric.name] for metric in judges.by])),
    )


def coded(
    codec: Codec, picture: Picture, quality: float, metrics: Sequence[Metric]
) -> tuple[float, dict[str, float]]:
    """Return bits per pixel of a picture's file, and its curve values by metric."""
    file = codec.encode_picture(picture, quality=quality)
    pair = Pair(picture.pixels, codec.decode_picture(file.data).pixels)
    values = {}
    for metric in metrics:
        score = metric.score(pair)
        values[metric.name] = math.nan if score is None else metric.curve_value(score)
    return 8 * len(file.data) / (picture.width * picture.height), values


def find_crops(
    codec: Codec, folder: Path, count: int, side: int, metrics: Sequence[Metric]
) -> list[Crop]:
    """Cut the middle of pictures of a folder, and measure the unchanged model there."""
    crops = []
    for source in spread(find_pictures(folder), count):
        pixels = read_plain(source).pixels
        top, left = ((n - side) // 2 for n in pixels.shape[:2])
        picture = Picture(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
        points = [coded(codec, picture, quality, metrics) for quality in REFERENCE_QUALITIES]
        rates = tuple(bpp for bpp, _ in points)
        curves = {
            metric.name: Curve(rates, tuple(values[metric.name] for _, values in points))
            for metric in metrics
        }
        crops.append(Crop(source.name, picture, curves))
    return crops


def say(fit: Fit) -> None:
    """Print a line on what was measured."""
    steps = " ".join(f"{step:g}" for step in fit.steps)
    found = ", ".join(
        f"{name} {fit.values[name]:.3f} {percent:+.1f} %" for name, percent in fit.percents.items()
    )
    sys.stderr.write(f"q{fit.quality:g}: {steps}: {fit.bpp:.3f} bpp, {found}\n")
    sys.stderr.flush()


def fit_all(arguments: argparse.Namespace) -> list[Fit]:
    """Fit the steps at every quality, each starting where the one before ended or as a file says."""
    beside = names(arguments.beside)
    judges = Judges(find_metrics(names(arguments.by)), find_metrics(beside) if beside else ())
    codec = load(arguments.model)
    known = {} if arguments.start is None else read_steps(arguments.start)
    crops = find_crops(codec, arguments.pictures, arguments.crops, arguments.side, judges.all)
    fits: list[Fit] = []
    start = TRIAL
    for quality in map(float, names(arguments.quality)):
        factors = [float(factor) for factor in names(arguments.factors)]
        start = known.get(quality, start)
        fits.append(Descent(codec, crops, judges, quality, factors).run(start))
        start = fits[-1].steps
        facts = {"groups": GROUPS, "model": arguments.model, "fits": [asdict(fit) for fit in fits]}
        write_whole(arguments.out, (json.dumps(facts, indent=1) + "\n").encode())
    return fits


def names(text: str) -> list[str]:
    """Return the parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def main() -> None:
    """Read the arguments, fit, and print the steps; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of validation pictures")
    parser.add_argument("--model", default="photo")
    parser.add_argument("--quality", default="2.5,4.5,6.5", help="with commas")
    parser.add_argument("--by", default="jod", help="metrics that decide, with commas")
    parser.add_argument("--beside", default="psnr", help="metrics that are only measured")
    parser.add_argument(
        "--factors",
        default="1.35,1.15,1.07",
        help="tried on each step, pass after pass; with commas",
    )
    parser.add_argument("--start", type=Path, help="file of an earlier fit to start from")
    parser.add_argument("--crops", type=int, default=6, help="number of pictures")
    parser.add_argument("--side", type=int, default=320, help="of the crops")
    parser.add_argument("--out", type=Path, default=Path("steps.json"))
    try:
        fits = fit_all(parser.parse_args())
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    for fit in fits:
        say(fit)


if __name__ == "__main__":
    main()
