"""What models can do: each ability is an interface, and a family has some of them.

| ability | what it asks for | models that have it |
|---|---|---|
| `Compresses` | a picture to a file and back | codecs |
| `CompressesSets` | many pictures to one file and back | VAEs, by bits back |
| `Scores` | the likelihood of pictures in bits | all |
| `Reconstructs` | pictures through the latents and back | autoencoders |
| `HasLatents` | pictures to vectors, and vectors to pictures | VAEs |
| `Samples` | new pictures | all that have a prior |

Programs ask for an ability, never for a family: `compressing(model)` returns the model or raises an error that
says what the model can do instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import UsageError
from vqzip.pictures.picture import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]
"""Pictures of one size, `(N, H, W, C)`; C is 1 for gray, 3 for RGB."""


class Named(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str:
        """The model's name."""


class Written(Protocol):
    """A file that a model made of a picture."""

    @property
    def data(self) -> bytes:
        """All bytes of the file."""

    @property
    def quality(self) -> float:
        """1.0 to 8.0; 1.0 for models with one quality."""


class Completeness(Protocol):
    """How much of a file is left; its text says so."""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""


@runtime_checkable
class Compresses(Named, Protocol):
    """A picture to the bytes of a .vqz file and back."""

    @property
    def has_qualities(self) -> bool:
        """Whether files can have several qualities."""

    def encode(self, image: Image, quality: float = ..., *, effort: int = ...) -> bytes:
        """Return the file of an image of Pillow."""
        ...

    def decode(self, data: bytes) -> Image:
        """Return the image of a file."""
        ...

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = ...,
        effort: int = ...,
        keep_hidden_colors: bool = ...,
    ) -> Written:
        """Return the file of a picture with its alpha and metadata."""
        ...

    def decode_picture(
        self,
        data: bytes,
        *,
        levels: int | None = ...,
        partial: bool = ...,
        region: tuple[int, int, int, int] | None = ...,
        max_pixels: int = ...,
    ) -> Picture:
        """Return the picture of a file, or a region of it."""
        ...

    def completeness(self, data: bytes, *, max_pixels: int = ...) -> Completeness:
        """Return how much of a truncated file is left."""
        ...

    def holds(self, data: bytes, written: Written, *, max_pixels: int) -> bool:
        """Return whether a file decodes to what was written into it."""
        ...


@runtime_checkable
class CompressesSets(Named, Protocol):
    """Pictures of one size to one file and back, without loss."""

    def encode_set(self, pixels: Pixels) -> bytes:
        """Return the file of `(N, H, W, C)` pictures."""
        ...

    def decode_set(self, data: bytes) -> Pixels:
        """Return the same pictures."""
        ...


@dataclass(frozen=True, eq=False)
class Score:
    """The likelihood of pictures under a model.

    Args:
        bits: `(N,)` float64, of each picture.
        kind: `exact` for -log2 p(x), `bound` for an upper bound on it, `file` for the size of a file; a lossy
            file does not contain the picture, so compare it only together with its distortion.
    """

    bits: NDArray[np.float64]
    kind: Literal["exact", "bound", "file"]

    def bits_per_dim(self, pixels: Pixels) -> float:
        """Return the mean bits of a sample of the pictures that were scored."""
        return float(self.bits.sum() / pixels.size)


@runtime_checkable
class Scores(Named, Protocol):
    """The likelihood of 8-bit pictures."""

    def score(
        self, pixels: Pixels, *, labels: Sequence[int] | None = ..., seed: int = ...
    ) -> Score:
        """Return the bits of every picture.

        Args:
            pixels: `(N, H, W, C)`.
            labels: the class of each picture; models without classes ignore them.
            seed: of what a bound draws at random.
        """
        ...


@runtime_checkable
class Reconstructs(Named, Protocol):
    """Pictures through the latents of a model and back."""

    def reconstruct(self, pixels: Pixels) -> Pixels:
        """Return `(N, H, W, C)` pictures as the model's latents give them."""
        ...


Latents = NDArray[np.float32]
"""Latents of pictures, `(N, D)`."""


@runtime_checkable
class HasLatents(Named, Protocol):
    """Pictures to vectors and back."""

    def latents(self, pixels: Pixels) -> Latents:
        """Return the latents of `(N, H, W, C)` pictures, the means of their distributions."""
        ...

    def informative(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return how many nats each latent holds of a picture, `(D,)`, the mean over pictures."""
        ...

    def pictures_of(self, latents: Latents) -> Pixels:
        """Return the pictures of latents."""
        ...


@dataclass(frozen=True)
class Draw:
    """What to sample.

    Args:
        count: number of pictures.
        seed: the same seed gives the same pictures.
        temperature: 1 is the model itself; less gives more probable pictures.
        size: width and height in pixels, for models of pictures of any size.
        quality: 1.0 to 8.0, for models with qualities.
        label: the class, for models with classes; None draws it at random.
        top_k: only the so many most probable values of each symbol, for autoregressive models.
    """

    count: int
    seed: int = 0
    temperature: float = 1.0
    size: int | None = None
    quality: float | None = None
    label: int | None = None
    top_k: int | None = None


@runtime_checkable
class Samples(Named, Protocol):
    """New pictures."""

    def sample(self, draw: Draw) -> list[Picture]:
        """Return new pictures, all of one size.

        Raises:
            UsageError: the model does not have one of the settings.
        """
        ...


_WORDS: dict[type, str] = {
    Compresses: "compresses pictures",
    CompressesSets: "compresses sets of pictures",
    Scores: "scores pictures",
    Reconstructs: "reconstructs pictures",
    HasLatents: "has latents",
    Samples: "samples pictures",
}


def compressing(model: Named) -> Compresses:
    """Return a model that compresses.

    Raises:
        UsageError: it does not.
    """
    if isinstance(model, Compresses):
        return model
    raise _lacks(model, Compresses)


def scoring(model: Named) -> Scores:
    """Return a model that scores.

    Raises:
        UsageError: it does not.
    """
    if isinstance(model, Scores):
        return model
    raise _lacks(model, Scores)


def with_latents(model: Named) -> HasLatents:
    """Return a model with latents.

    Raises:
        UsageError: it has none.
    """
    if isinstance(model, HasLatents):
        return model
    raise _lacks(model, HasLatents)


def sampling(model: Named) -> Samples:
    """Return a model that samples.

    Raises:
        UsageError: it does not.
    """
    if isinstance(model, Samples):
        return model
    raise _lacks(model, Samples)


def _lacks(model: Named, ability: type) -> UsageError:
    known = [words for kind, words in _WORDS.items() if isinstance(model, kind)]
    return UsageError(
        f"the model '{model.name}' is not one that {_WORDS[ability]}; it "
        f"{' and '.join(known) or 'has no ability'}."
    )


def refuse_settings(model: Named, draw: Draw, *names: str) -> None:
    """Refuse settings of a draw that a model does not have.

    Raises:
        UsageError: one of `names` is given.
    """
    for name in names:
        if getattr(draw, name) is not None:
            raise UsageError(f"the model '{model.name}' has no `{name}`; leave it out.")
