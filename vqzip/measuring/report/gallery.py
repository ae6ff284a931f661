"""What the report's page shows of single pictures, collected while they are measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.measuring.measure import Sight
from vqzip.measuring.metrics.metric import Pixels
from vqzip.measuring.report.images import fitted, gray_map, smaller, stored
from vqzip.measuring.subject import ModelSubject

MOST_PICTURES = 24
MOST_BYTES = 10_000_000
"""Of all pictures; a page has a third more, because its bytes are written as text."""

SHOWN_QUALITY = 4.0
"""The file of a model that is shown is the one of the nearest quality."""

MOST_SIDE = 1280
"""Of larger pictures, only the middle is shown."""


@dataclass
class Gallery:
    """Keeps, of every picture, a file of each codec: of models the one nearest to quality 4, of other
    codecs the one nearest in size to the first model's.

    Args:
        names: of the pictures to keep.
    """

    names: Sequence[str]
    _originals: dict[str, Pixels] = field(default_factory=dict)
    _kept: dict[str, dict[str, tuple[float, Sight]]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> Gallery:
        """Return a gallery of at most 24 pictures, evenly spaced over all."""
        count = min(len(names), MOST_PICTURES)
        return cls([names[number * len(names) // count] for number in range(count)])

    def take(self, sight: Sight) -> None:
        """Look at a file, and keep it if it is the nearest so far."""
        if sight.picture not in self.names:
            return
        kept = self._kept.setdefault(sight.picture, {})
        self._originals.setdefault(sight.picture, _middle(sight.original.pixels))
        distance = self._distance(sight, kept)
        before = kept.get(sight.subject.name)
        if before is None or distance < before[0]:
            kept[sight.subject.name] = distance, sight

    def without(self, failed: Sequence[str]) -> Gallery:
        """Return a gallery without some pictures."""
        names = [name for name in self.names if name in self._kept and name not in failed]
        return Gallery(names, self._originals, self._kept)

    def pictures(self, progress: Callable[[int, int, str], None]) -> list[dict[str, Any]]:
        """Return the pictures as the page takes them.

        Args:
            progress: is called after each with the number that is done, the total, and its name.
        """
        found = []
        for number, name in enumerate(self.names):
            sights = [sight for _, sight in self._kept[name].values()]
            most = MOST_BYTES / len(self.names)
            found.append(_shown(name, self._originals[name], sights, most))
            progress(number + 1, len(self.names), name)
        return found

    def _distance(self, sight: Sight, kept: dict[str, tuple[float, Sight]]) -> float:
        if isinstance(sight.subject, ModelSubject):
            return abs(sight.setting - SHOWN_QUALITY)
        first = next(iter(kept.values()))[1] if kept else sight
        if not isinstance(first.subject, ModelSubject):
            return 0.0
        return abs(math.log(len(sight.data) / len(first.data)))


Entry = TypeVar("Entry", bound=np.generic)


def _middle(pixels: NDArray[Entry]) -> NDArray[Entry]:
    """Return the middle of a picture; sides that are cut begin at multiples of 256."""
    top, left = (max(0, side - MOST_SIDE) // 512 * 256 for side in pixels.shape[:2])
    return pixels[top : top + MOST_SIDE, left : left + MOST_SIDE]


def _shown(
    name: str, original: Pixels, sights: Sequence[Sight], most_bytes: float
) -> dict[str, Any]:
    """Return one picture: what can be selected, and the levels of the first model."""
    share = 0.75 * most_bytes / (len(sights) + 2)
    views = [
        _view("original", f"{original.shape[1]} x {original.shape[0]}", fitted(original, 2 * share))
    ]
    for sight in sights:
        cut = max(sight.original.pixels.shape[:2]) > MOST_SIDE
        file = None if cut else stored(sight.data)
        source = file or fitted(_middle(sight.decoded.pixels), share)
        rate = 8 * len(sight.data) / (sight.decoded.pixels.shape[0] * sight.decoded.pixels.shape[1])
        note = f"{len(sight.data):,} bytes, {rate:.3f} bpp, {_psnr(sight)}"
        views.append(_view(f"{sight.subject.title} ({sight.setting:g})", note, source))
    model = next((sight for sight in sights if isinstance(sight.subject, ModelSubject)), None)
    return {
        "name": name,
        "width": original.shape[1],
        "height": original.shape[0],
        "views": views,
        "levels": None if model is None else _levels(model, 0.25 * most_bytes),
    }


def _view(label: str, note: str, source: str) -> dict[str, str]:
    return {"label": label, "note": note, "source": source}


def _psnr(sight: Sight) -> str:
    error = np.square(sight.original.pixels.astype(np.float32) - sight.decoded.pixels).mean()
    return f"{10 * math.log10(255**2 / error):.2f} dB" if error else "equal"


def _levels(sight: Sight, most_bytes: float) -> dict[str, Any]:
    """Return what the first levels show, their bits, and where these are."""
    subject = sight.subject
    assert isinstance(subject, ModelSubject)  # noqa: S101  only models come here
    maps = subject.code_length_maps(sight.data)
    parts = []
    for number, (stride, bits) in enumerate(zip(subject.strides, maps, strict=True)):
        seen = smaller(_middle(subject.decode_levels(sight.data, number + 1).pixels))
        full = np.repeat(np.repeat(bits, stride, 0), stride, 1)[: sight.original.pixels.shape[0]]
        density = _middle(full[:, : sight.original.pixels.shape[1]])[::stride, ::stride] / stride**2
        most = float(density.max(initial=0)) or 1.0
        parts.append(
            {
                "stride": stride,
                "bits": float(bits.sum()),
                "source": fitted(seen, most_bytes / (2 * len(maps))),
                "heat": gray_map((8 * np.rint(31 * np.sqrt(density / most))).astype(np.uint8)),
                "most": most,
            }
        )
    return {"model": f"{subject.title} ({sight.setting:g})", "parts": parts}
