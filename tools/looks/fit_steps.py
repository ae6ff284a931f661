"""Fit the quantizer's steps by level and color to how pictures look (ColorVideoVDP).

Coordinate descent at each of some qualities: one group of subbands after the other gets a larger or a
smaller step, and keeps it where crops of validation pictures take fewer bits at equal JOD. Bits are those
of whole files, coded with the model's own prior. What a file takes is compared with the curve that the
unchanged model has on the same crop, interpolated at the same JOD.

python -m tools.looks.fit_steps valid --model photo --quality 2.5,4.5,6.5 --out steps.json
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

from tools.looks.variants import EQUAL, GROUPS, Steps, with_steps
from vqzip.codec.codec import Codec, load
from vqzip.files import write_whole
from vqzip.measuring.analysis.bd_rate import Curve, rate_at
from vqzip.measuring.metrics import jod
from vqzip.measuring.metrics.metric import Pair
from vqzip.measuring.source_pictures import find_pictures, read_plain, spread
from vqzip.pictures.picture import Picture

REFERENCE_QUALITIES = (1.0, 1.75, 2.5, 3.25, 4.0, 4.75, 5.5, 6.25, 7.0, 8.0)
TRIAL: Steps = (0.45, 0.6, 1.2, 2.6, 0.8, 1.2, 1.5, 1.8)
"""Where the descent starts: found by hand."""
FACTORS = (1.35, 1.15, 1.07)
"""What a group's step is multiplied with and divided by, pass after pass."""


@dataclass(frozen=True)
class Crop:
    """A crop and the unchanged model's curve on it: bits per pixel over JOD."""

    name: str
    picture: Picture
    curve: Curve


@dataclass(frozen=True)
class Fit:
    """The steps found at one quality.

    Args:
        quality: of the model; steps are factors of its step there.
        steps: by group, as `GROUPS` has them.
        percent: bits at equal JOD against the unchanged model, mean over crops.
        bpp: mean bits per pixel.
        jod: mean quality.
    """

    quality: float
    steps: Steps
    percent: float
    bpp: float
    jod: float


@dataclass
class Descent:
    """Coordinate descent at one quality.

    Args:
        codec: of the unchanged model.
        crops: pictures that are coded.
        quality: where the descent works.
    """

    codec: Codec
    crops: Sequence[Crop]
    quality: float
    _known: dict[Steps, Fit] = field(default_factory=dict)

    def measure(self, steps: Steps) -> Fit:
        """Return what steps are worth."""
        if steps not in self._known:
            self._known[steps] = measured(self.codec, self.crops, self.quality, steps)
            say(self._known[steps])
        return self._known[steps]

    def run(self, start: Steps, target_jod: float) -> Fit:
        """Return the best steps found.

        Args:
            start: first steps.
            target_jod: the mean JOD that steps are scaled to, so that the descent stays at its quality.
        """
        best = self.scaled(self.measure(start), target_jod)
        for factor in FACTORS:
            for group in range(len(GROUPS)):
                for tried in (factor, 1 / factor):
                    moved = [*best.steps]
                    moved[group] = round(moved[group] * tried, 3)
                    found = self.measure(tuple(moved))
                    if found.percent < best.percent:
                        best = found
                        break
            best = self.scaled(best, target_jod)
        return best

    def scaled(self, fit: Fit, target_jod: float) -> Fit:
        """Scale all steps alike until the crops have nearly the wanted mean JOD."""
        low, high = 0.5, 2.0
        while abs(fit.jod - target_jod) > 0.03 and high / low > 1.05:
            # A step twice as large costs about as much JOD as remains to 10, times a half.
            factor = math.exp((fit.jod - target_jod) / max(10 - fit.jod, 0.05))
            factor = min(max(factor, low), high)
            fit = self.measure(tuple(round(step * factor, 3) for step in fit.steps))
            low, high = math.sqrt(low), math.sqrt(high)
        return fit


def measured(codec: Codec, crops: Sequence[Crop], quality: float, steps: Steps) -> Fit:
    """Code all crops with other steps and compare them with the unchanged model's curves."""
    changed = with_steps(codec, {quality: steps})
    logs, rates, scores = [], [], []
    for crop in crops:
        bpp, score = coded(changed, crop.picture, quality)
        rates.append(bpp)
        scores.append(score)
        logs.append(math.log(bpp / rate_at(crop.curve, score)))
    known = [value for value in logs if not math.isnan(value)]
    percent = 100 * (math.exp(float(np.mean(known))) - 1) if known else math.inf
    return Fit(quality, steps, percent, float(np.mean(rates)), float(np.mean(scores)))


def coded(codec: Codec, picture: Picture, quality: float) -> tuple[float, float]:
    """Return bits per pixel and JOD of a picture."""
    file = codec.encode_picture(picture, quality=quality)
    decoded = codec.decode_picture(file.data)
    score = jod.score(Pair(picture.pixels, decoded.pixels))
    return 8 * len(file.data) / (picture.width * picture.height), score


def find_crops(codec: Codec, folder: Path, count: int, side: int) -> list[Crop]:
    """Cut the middle of pictures of a folder, and measure the unchanged model there."""
    crops = []
    for source in spread(find_pictures(folder), count):
        pixels = read_plain(source).pixels
        top, left = ((n - side) // 2 for n in pixels.shape[:2])
        picture = Picture(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
        points = [coded(codec, picture, quality) for quality in REFERENCE_QUALITIES]
        rates, scores = zip(*points, strict=True)
        crops.append(Crop(source.name, picture, Curve(rates, scores)))
        sys.stderr.write(f"{source.name}: {', '.join(f'{s:.2f}' for s in scores)} JOD\n")
    return crops


def say(fit: Fit) -> None:
    """Print a line on what was measured."""
    steps = " ".join(f"{step:g}" for step in fit.steps)
    sys.stderr.write(
        f"q{fit.quality:g}: {steps}: {fit.percent:+.1f} %, {fit.bpp:.3f} bpp, {fit.jod:.3f} JOD\n"
    )
    sys.stderr.flush()


def fit_all(arguments: argparse.Namespace) -> list[Fit]:
    """Fit the steps at every quality, each starting where the one before ended."""
    codec = load(arguments.model)
    crops = find_crops(codec, arguments.pictures, arguments.crops, arguments.side)
    fits: list[Fit] = []
    start = TRIAL
    for quality in map(float, arguments.quality.split(",")):
        descent = Descent(codec, crops, quality)
        target = descent.measure(EQUAL).jod
        fits.append(descent.run(start, target))
        start = fits[-1].steps
        facts = {"groups": GROUPS, "model": arguments.model, "fits": [asdict(fit) for fit in fits]}
        write_whole(arguments.out, (json.dumps(facts, indent=1) + "\n").encode())
    return fits


def main() -> None:
    """Read the arguments, fit, and print the steps as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of validation pictures")
    parser.add_argument("--model", default="photo")
    parser.add_argument("--quality", default="2.5,4.5,6.5", help="with commas")
    parser.add_argument("--crops", type=int, default=6, help="how many pictures are cut")
    parser.add_argument("--side", type=int, default=384, help="of the crops")
    parser.add_argument("--out", type=Path, default=Path("steps.json"))
    for fit in fit_all(parser.parse_args()):
        say(fit)


if __name__ == "__main__":
    main()
