"""The configuration of deep belief networks, and the family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vqzip.errors import ModelError
from vqzip.families.family import Stored, stored_family

if TYPE_CHECKING:
    from vqzip.families.dbn.model import DbnModel

LARGEST_LAYER, MOST_LAYERS = 4096, 8


@dataclass(frozen=True)
class DbnConfig:
    """A deep belief network of binary pictures, whose samples are 0 and 1.

    Args:
        name: of the model.
        height: of the pictures.
        width: of the same.
        channels: 1 or 3.
        hidden: units of each hidden layer, from the pictures up; one layer is a restricted Boltzmann machine.
        gibbs: Gibbs steps of contrastive divergence.
    """

    name: str
    height: int = 28
    width: int = 28
    channels: int = 1
    hidden: tuple[int, ...] = (200, 200)
    gibbs: int = 1
    kind: Literal["dbn"] = "dbn"

    metric = "bits"
    has_qualities = False
    stream_names = ()

    @property
    def units(self) -> tuple[int, ...]:
        """Units of every layer, the pictures first."""
        return (self.height * self.width * self.channels, *self.hidden)


def check(config: DbnConfig) -> None:
    """Check the layers.

    Raises:
        ModelError: there are too few or too many of them, or one is too large.
    """
    in_range = all(1 <= units <= LARGEST_LAYER for units in config.hidden)
    if not 1 <= len(config.hidden) <= MOST_LAYERS or not in_range:
        raise ModelError(
            f"a DBN has 1 to {MOST_LAYERS} hidden layers of 1 to {LARGEST_LAYER} units."
        )


def _make(stored: Stored[DbnConfig], device: str) -> DbnModel:
    from vqzip.families.dbn.model import DbnModel
    from vqzip.families.dbn.network import Dbn
    from vqzip.families.loading import loaded

    return DbnModel(stored, loaded(lambda: Dbn(stored.config), stored, device))


DBN = stored_family(
    "deep belief network",
    DbnConfig,
    {
        (DbnConfig, "height"): (1, 64),
        (DbnConfig, "width"): (1, 64),
        (DbnConfig, "channels"): (1, 3),
        (DbnConfig, "gibbs"): (1, 1000),
    },
    _make,
    check,
)
