"""Samples pictures from the prior of a model: ancestral sampling, coarse to fine."""

from __future__ import annotations

import numpy as np

from vqzip.codec.codec import DEFAULT_QUALITY, Codec
from vqzip.codec.tile_streams import TileCoder, put_tile
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.errors import PictureError
from vqzip.models.abilities import Draw
from vqzip.pictures.picture import Picture

DEFAULT_SIZE = 256
"""Side of a picture in pixels."""


def sample(codec: Codec, draw: Draw) -> list[Picture]:
    """Sample pictures: codes from the prior, each given the codes before it, then decode them.

    This is the ancestral sampling of VQ-VAE-2 (Razavi et al. 2019, section 3.2). Context tiles of 256
    pixels are independent, so larger pictures show a grid.

    Args:
        codec: of the model.
        draw: the same seed gives the same codes on every machine with the same float64 results. A picture
            does not depend on the number of pictures after it. Models with one quality ignore the quality.

    Returns:
        RGB pictures.

    Raises:
        CodingError: the temperature is not above 0.
        ModelError: the quality is not 1.0 to 8.0.
        PictureError: the size is not positive.
        LimitExceeded: a code is outside the legal range, with a very high temperature.
    """
    size = DEFAULT_SIZE if draw.size is None else draw.size
    if size < 1:
        raise PictureError(f"a picture needs at least one pixel a side, got {size}.")
    hierarchy = codec.model.config.vqvae
    frame = Frame(
        size, size, hierarchy.nearest_quality(draw.quality or DEFAULT_QUALITY), gray=False
    )
    coder = TileCoder(codec.backend, hierarchy, frame)
    pictures = []
    for number in range(draw.count):
        generator = np.random.default_rng([draw.seed, number])
        codes = Codes.blank(hierarchy, frame)
        for tile in stream_tiles(size, size):
            shapes = hierarchy.shapes(tile.height, tile.width)
            put_tile(codes, hierarchy, tile, coder.draw(shapes, generator, draw.temperature))
        pictures.append(Picture(codec.pixels_of_codes(codes)))
    return pictures
