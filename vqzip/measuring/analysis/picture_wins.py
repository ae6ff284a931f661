"""Picture by picture: how often a model is smaller at equal quality, and where it is best and worst.

A mean BD-rate may come from a few pictures; these are the figures that a mean hides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.bd_rate import LEAST_COVERED, BdRate
from vqzip.measuring.analysis.comparisons import Comparison
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.tables import Table

EXTREMES = 3
"""How many of the best and of the worst pictures a table shows."""


@dataclass(frozen=True)
class Share:
    """On how many pictures a codec is smaller at equal quality.

    Args:
        smaller: pictures whose BD-rate is below 0.
        pictures: pictures that have a BD-rate.
        least_covered: smallest part of the range that one of these BD-rates covers; 0 for none.
    """

    smaller: int
    pictures: int
    least_covered: float


@dataclass(frozen=True)
class Standing:
    """A model and the best anchor on one picture, as BD-rates against the first anchor.

    Args:
        model: label of the model.
        metric: what equal quality means.
        picture: path below the folder that was measured.
        percent: BD-rate of the model.
        best_anchor: label of the anchor with the lowest BD-rate; the first anchor has 0.
        best_percent: its BD-rate.
    """

    model: str
    metric: Metric
    picture: str
    percent: float
    best_anchor: str
    best_percent: float

    @property
    def behind(self) -> float:
        """Percentage points from the best anchor to the model; negative where the model leads."""
        return self.percent - self.best_percent


def share_smaller(comparisons: Sequence[Comparison]) -> Share:
    """Return on how many pictures a codec is smaller than every one of its references.

    Args:
        comparisons: of one codec by one metric over one range, one for each reference. A picture
            that has no BD-rate against some reference is not counted at all.
    """
    rates = [comparison.pictures for comparison in comparisons]
    shared = set.intersection(*(set(_known(own)) for own in rates)) if rates else set()
    return Share(
        smaller=sum(all(own[name].percent < 0 for own in rates) for name in shared),
        pictures=len(shared),
        least_covered=min((own[name].covered for own in rates for name in shared), default=0.0),
    )


def standings(
    model: str, anchors: Sequence[str], metric: Metric, comparisons: Iterable[Comparison]
) -> tuple[Standing, ...]:
    """Return how a model stands on each picture that it shares with the first anchor, best first.

    Args:
        model: label of the model.
        anchors: labels; the first is the reference.
        metric: what equal quality means.
        comparisons: of the model and of the other anchors against the first, among others.
    """
    rates = {
        item.codec: {name: item.pictures[name].percent for name in _known(item.pictures)}
        for item in comparisons
        if (item.reference, item.metric, item.limits) == (anchors[0], metric.name, None)
    }
    found = []
    for picture, percent in rates.get(model, {}).items():
        of_anchors = {anchors[0]: 0.0} | {
            anchor: rates[anchor][picture]
            for anchor in anchors[1:]
            if picture in rates.get(anchor, {})
        }
        best = min(of_anchors, key=of_anchors.__getitem__)
        found.append(Standing(model, metric, picture, percent, best, of_anchors[best]))
    return tuple(sorted(found, key=lambda standing: (standing.behind, standing.picture)))


def smaller_table(
    comparisons: Sequence[Comparison], metrics: Sequence[Metric], titles: Mapping[str, str]
) -> Table:
    """Return on how many pictures each model is smaller than each anchor, and than all at once.

    Args:
        comparisons: of models against anchors, over all common qualities.
        metrics: a column each.
        titles: of the codecs, by label.
    """
    rows = []
    for model in dict.fromkeys(item.codec for item in comparisons):
        own = [item for item in comparisons if item.codec == model]
        anchors = list(dict.fromkeys(item.reference for item in own))
        for anchor in anchors:
            against = [item for item in own if item.reference == anchor]
            rows.append((titles[model], titles[anchor], *_share_cells(against, metrics)))
        if len(anchors) > 1:
            rows.append((titles[model], "all of them", *_share_cells(own, metrics)))
    return Table(
        "Pictures on which a model is smaller at equal quality",
        ("model", "than", *(metric.title for metric in metrics)),
        tuple(rows),
    )


def extremes_table(
    models: Iterable[Sequence[Standing]], reference: str, titles: Mapping[str, str]
) -> Table:
    """Return the best and the worst pictures of each model.

    Args:
        models: all standings of each, best first.
        reference: label of the first anchor.
        titles: of all codecs, by label.
    """
    rows = [
        (
            titles[standing.model],
            f"{rank} of {len(ranked)}",
            standing.picture,
            standing.metric.title,
            f"{standing.percent:+.1f}",
            titles[standing.best_anchor],
            f"{standing.best_percent:+.1f}",
            f"{standing.behind:+.1f}",
        )
        for ranked in models
        for rank, standing in _extremes(ranked)
    ]
    return Table(
        f"Best and worst pictures: BD-rate against {titles[reference]}, beside the best anchor's",
        ("model", "rank", "picture", "by", "BD-rate %", "best anchor", "BD-rate %", "difference"),
        tuple(rows),
    )


def _known(rates: Mapping[str, BdRate]) -> list[str]:
    """Return the pictures whose curves share some quality."""
    return [name for name, rate in rates.items() if not math.isnan(rate.percent)]


def _extremes(ranked: Sequence[Standing]) -> list[tuple[int, Standing]]:
    """Return the first and the last few with their ranks from 1, none of them twice."""
    numbered = list(enumerate(ranked, start=1))
    return numbered[:EXTREMES] + numbered[EXTREMES:][-EXTREMES:]


def _share_cells(comparisons: Sequence[Comparison], metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Return a cell for each metric."""
    return tuple(
        _share_cell(share_smaller([item for item in comparisons if item.metric == metric.name]))
        for metric in metrics
    )


def _share_cell(share: Share) -> str:
    if not share.pictures:
        return "-"
    part = f"{share.smaller} of {share.pictures} ({100 * share.smaller / share.pictures:.0f} %)"
    return part + ("!" if share.least_covered < LEAST_COVERED else "")
