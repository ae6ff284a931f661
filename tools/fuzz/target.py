"""What the fuzzer does with an untrusted file, and which outcomes are allowed.

A file may be refused with one sentence of `vqzip.errors`, or give a picture of the size that it
states, which can be written and read again. Everything else is a failure.
"""

from __future__ import annotations

import io
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vqzip.codec.codec import Codec, load
from vqzip.codec.reduced import REDUCTIONS
from vqzip.container.parse import parse, parse_header, parse_layout
from vqzip.errors import VqzipError
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import picture_to_bytes

TESTS = Path(__file__).parents[2] / "tests"
GOLDEN = TESTS / "golden"
SEEDS = TESTS / "fuzz" / "seeds"
MODELS = ("tiny", "tiny-vq", "tiny-gains")

MAX_PIXELS = 96 * 64
FORMATS = ("PNG", "PNG", "PNG", "TIFF", "WEBP", "JPEG")

PICTURE = "picture"
"""Outcome of a file that gives one; the others are names of classes of `vqzip.errors`."""


class Failure(Exception):
    """What must not happen: a picture from damaged data, one of the wrong size, two sentences."""


@dataclass(frozen=True)
class Seed:
    """A sound file and the codec that reads it."""

    name: str
    data: bytes
    codec: Codec


@dataclass(frozen=True)
class Way:
    """How a file is read.

    Args:
        levels: as `Codec.decode_picture` has it.
        partial: likewise.
        region: likewise.
        codes: whether its codes are asked for, too.
        image_format: that the picture is written in.
    """

    levels: int | None = None
    partial: bool = False
    region: tuple[int, int, int, int] | None = None
    codes: bool = False
    image_format: str = "PNG"


def seeds() -> tuple[Seed, ...]:
    """Return the sound files that all others are made from."""
    codecs = {name: load(GOLDEN / name) for name in MODELS}
    return tuple(
        Seed(f"{name}/{path.stem}", path.read_bytes(), codec)
        for name, codec in codecs.items()
        for path in sorted((SEEDS / name).glob("*.vqz"))
    )


def any_way(rng: random.Random) -> Way:
    """Return one of the ways to read a file, the plain one most often."""
    left, top = (rng.choice((0, 0, 0, 1, 3, 33, -1)) for _ in range(2))
    width, height = (rng.choice((1, 1, 2, 5, 8, 0)) for _ in range(2))
    return Way(
        levels=rng.choice((*[None] * 20, 1, 1, 2, 2, 4, 0)),
        partial=rng.random() < 0.2,
        region=(left, top, width, height) if rng.random() < 0.1 else None,
        codes=rng.random() < 0.15,
        image_format=rng.choice(FORMATS),
    )


def outcome(codec: Codec, data: bytes, way: Way) -> str:
    """Read a file and return `PICTURE`, or the name of the error that refused it.

    Raises:
        Failure: the file was neither refused nor read.
        Exception: whatever leaked out of vqzip.
    """
    _refused(lambda: parse_layout(data))
    if way.codes:
        _refused(lambda: codec.decode_codes(data, max_pixels=MAX_PIXELS))
    # A thumbnail of a file on disk skips most checksums, so damage may reach the entropy decoder.
    _refused(lambda: _thumbnail(codec, data, REDUCTIONS[len(data) % len(REDUCTIONS)]))
    return _refused(lambda: _draw(codec, data, way))


def _refused(read: Callable[[], object]) -> str:
    """Call a function and return how it ended."""
    try:
        read()
    except VqzipError as error:
        message = str(error)
        if not message or "\n" in message or len(message) > 1000:
            raise Failure(f"this is not one sentence: {message!r}") from error
        return type(error).__name__
    return PICTURE


def _draw(codec: Codec, data: bytes, way: Way) -> None:
    """Decode a picture, write it, and read what was written."""
    picture = codec.decode_picture(
        data, levels=way.levels, partial=way.partial, region=way.region, max_pixels=MAX_PIXELS
    )
    header = parse(data, max_pixels=MAX_PIXELS, partial=way.partial).header
    size = way.region[2:] if way.region is not None else (header.width, header.height)
    if (picture.width, picture.height) != size or picture.is_gray != (header.mode == "gray"):
        raise Failure(f"{header} became {picture.pixels.shape}, {way}")
    _write(picture, way.image_format)


def _thumbnail(codec: Codec, data: bytes, reduction: int) -> None:
    """Decode a picture at a fraction of its size, from a file of which only a part is read."""
    picture = codec.decode_reduced(io.BytesIO(data), reduction, max_pixels=MAX_PIXELS)
    header = parse_header(data)
    size = -(-header.width // reduction), -(-header.height // reduction)
    if (picture.width, picture.height) != size or picture.is_gray != (header.mode == "gray"):
        raise Failure(f"{header} became {picture.pixels.shape}, reduced by {reduction}")


def _write(picture: Picture, image_format: str) -> None:
    written = picture_to_bytes(picture, image_format)
    with warnings.catch_warnings():
        # Pillow says so where it reads EXIF that is nonsense.
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(written)) as image:
            image.load()
            if image.size != (picture.width, picture.height):
                raise Failure(f"{image_format} holds {image.size}, not {picture.pixels.shape}")
