"""Pictures that a model's prior makes up: ancestral sampling, coarse level to fine."""

from __future__ import annotations

import numpy as np

from vqzip.codec.codec import Codec
from vqzip.codec.tile_streams import TileCoder, put_tile
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.errors import PictureError
from vqzip.pictures.picture import Picture


def sample(
    codec: Codec, count: int, size: int, seed: int, temperature: float, quality: float
) -> list[Picture]:
    """Draw pictures: codes from the prior, each given those before it, then the decoder.

    Ancestral sampling from a hierarchy of codes is that of VQ-VAE-2 (Razavi et al. 2019, section
    3.2). Context tiles of 256 pixels know nothing of each other, so larger pictures show a grid.

    Args:
        codec: of the model.
        count: how many pictures.
        size: width and height of each, in pixels.
        seed: the same seed gives the same codes on every machine that computes float64 alike; a
            picture does not depend on how many are drawn after it.
        temperature: above 0; 1 is the prior itself, less gives likelier codes.
        quality: 1.0 to 8.0 that is imitated; models of one quality ignore it.

    Returns:
        RGB pictures.

    Raises:
        CodingError: the temperature is not above 0.
        ModelError: the quality is not 1.0 to 8.0.
        PictureError: the size is not positive.
        LimitExceeded: a very high temperature drew a code beyond the legal range.
    """
    if size < 1:
        raise PictureError(f"a picture needs at least one pixel a side, got {size}.")
    hierarchy = codec.model.config.vqvae
    frame = Frame(size, size, hierarchy.nearest_quality(quality), gray=False)
    coder = TileCoder(codec.backend, hierarchy, frame)
    pictures = []
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        codes = Codes.blank(hierarchy, frame)
        for tile in stream_tiles(size, size):
            shapes = hierarchy.shapes(tile.height, tile.width)
            put_tile(codes, hierarchy, tile, coder.draw(shapes, generator, temperature))
        pictures.append(Picture(codec.pixels_of_codes(codes)))
    return pictures
