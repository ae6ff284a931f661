"""The configuration of gated PixelCNNs, and the family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vqzip.errors import ModelError
from vqzip.families.family import Stored, stored_family

if TYPE_CHECKING:
    from vqzip.families.pixelcnn.model import PixelCnnModel

LARGEST_KERNEL = 15


@dataclass(frozen=True)
class PixelCnnConfig:
    """A gated PixelCNN over maps of one channel: gray pictures, or the codes of a level.

    Args:
        name: of the model.
        height: rows of a map.
        width: columns of a map.
        channels: 1.
        values: number of values of a position: 256 for pictures.
        classes: number of classes; 0 for none.
        hidden: features in each stack.
        layers: gated layers.
        kernel: side of the kernels, odd; of those above and to the left is used what is known.
        embedding: learned numbers for each value, beside the value itself; 0 for none.
        output: features of the layers before the logits.
        dropout: share of the features that is dropped in training.
    """

    name: str
    height: int = 28
    width: int = 28
    channels: int = 1
    values: int = 256
    classes: int = 0
    hidden: int = 32
    layers: int = 6
    kernel: int = 3
    embedding: int = 0
    output: int = 64
    dropout: float = 0.0
    kind: Literal["pixelcnn"] = "pixelcnn"

    metric = "bits"
    has_qualities = False
    stream_names = ()


def check(config: PixelCnnConfig) -> None:
    """Check the kernel.

    Raises:
        ModelError: it has no middle.
    """
    if config.kernel % 2 == 0:
        raise ModelError(f"the kernel of a PixelCNN must be odd, got {config.kernel}.")


def _make(stored: Stored[PixelCnnConfig], device: str) -> PixelCnnModel:
    from vqzip.families.loading import loaded
    from vqzip.families.pixelcnn.model import PixelCnnModel
    from vqzip.families.pixelcnn.network import GatedPixelCnn

    return PixelCnnModel(stored, loaded(lambda: GatedPixelCnn(stored.config), stored, device))


PIXELCNN = stored_family(
    "gated PixelCNN",
    PixelCnnConfig,
    {
        (PixelCnnConfig, "height"): (1, 256),
        (PixelCnnConfig, "width"): (1, 256),
        (PixelCnnConfig, "channels"): (1, 1),
        (PixelCnnConfig, "values"): (2, 1 << 15),
        (PixelCnnConfig, "classes"): (0, 10_000),
        (PixelCnnConfig, "hidden"): (1, 1024),
        (PixelCnnConfig, "layers"): (1, 64),
        (PixelCnnConfig, "kernel"): (3, LARGEST_KERNEL),
        (PixelCnnConfig, "embedding"): (0, 256),
        (PixelCnnConfig, "output"): (1, 4096),
        (PixelCnnConfig, "dropout"): (0, 0.95),
    },
    _make,
    check,
)
