"""Bits-back coding of sets of pictures with a Gaussian VAE (Townsend, Bird and Barber 2019).

For each picture, latents are popped from the stack by q(z | x), then the picture is pushed by p(x | z), then the
latents by the prior. On average this adds the evidence lower bound. Latents are integers times a step that is small
beside the posterior's deviation; its size cancels between q(z | x) and the prior.

A file: the magic, number of pictures, the first eight bytes of the model's id, a CRC-32 of the pixels, then the stack.
Its first words are random numbers of a fixed seed, which the reader finds again below the last picture.

Networks compute floats, whose last bits may differ between machines, and then the pictures cannot be read. So such a
file is an experiment on one machine with one version of PyTorch, not an archive.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import torch

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.entropy.stack import Floats, Stack, Symbols
from vqzip.errors import InvalidFile, LimitExceeded
from vqzip.families.discretized_logistic import masses
from vqzip.families.gaussian.network import GaussianVae
from vqzip.families.loading import to_pixels, to_tensor
from vqzip.models.abilities import Pixels

MAGIC = b"VQBB\x01"
HEADER = struct.Struct("<5sI8sI")

STEP = 1 / 64
"""Distance between two values of a latent; the prior's deviation is 1."""

LIMIT = 8 * 64
"""Largest latent in steps: eight deviations of the prior."""

FIRST_BITS = 16
"""Random bits a latent that the stack starts with, so that the first picture has bits to pop."""

MOST_PICTURES = 1 << 24


def encode(network: GaussianVae, model_id: bytes, pixels: Pixels) -> bytes:
    """Return the file of pictures `(N, H, W, C)` of the model's size."""
    stack = Stack(_first_words(network.config.latent))
    with own_arithmetic():
        for one in pixels:
            _push(network, stack, one[None])
    words = stack.to_bytes()
    return HEADER.pack(MAGIC, len(pixels), model_id[:8], zlib.crc32(pixels.tobytes())) + words


def decode(network: GaussianVae, model_id: bytes, data: bytes) -> Pixels:
    """Return the pictures of a file.

    Raises:
        InvalidFile: it is damaged, of another model, or was made where floats are rounded otherwise.
        LimitExceeded: it claims too many pictures.
    """
    if len(data) < HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise InvalidFile(
            "this is not a file of a set of pictures; its first bytes differ.", offset=0
        )
    _, count, own, checksum = HEADER.unpack_from(data)
    if own != model_id[:8]:
        raise InvalidFile(
            f"the file was made with the model {own.hex()}; load that model.", offset=9
        )
    if count > MOST_PICTURES:
        raise LimitExceeded(f"the file claims {count} pictures; it is damaged.", offset=5)
    stack = Stack(data[HEADER.size :])
    config = network.config
    pixels = np.empty((count, config.height, config.width, config.channels), np.uint8)
    with own_arithmetic():
        for number in reversed(range(count)):
            pixels[number] = _pop(network, stack)
    if zlib.crc32(pixels.tobytes()) != checksum or stack.to_bytes() != _first_words(config.latent):
        raise InvalidFile(
            "the pictures cannot be restored: the file is damaged, or it was made on a machine or with a "
            "PyTorch that rounds otherwise."
        )
    return pixels


def _push(network: GaussianVae, stack: Stack, picture: Pixels) -> None:
    """Push a picture `(1, H, W, C)`."""
    latents = stack.pop_normal(LIMIT, *_posterior(network, picture))
    # In channel order, as the networks have it.
    symbols = picture.transpose(0, 3, 1, 2).reshape(-1).astype(np.int32)
    stack.push_rows(symbols, _likelihood(network, latents))
    stack.push_normal(latents, LIMIT, *_prior(len(latents)))


def _pop(network: GaussianVae, stack: Stack) -> Pixels:
    """Undo `_push`."""
    config = network.config
    latents = stack.pop_normal(LIMIT, *_prior(config.latent))
    symbols = stack.pop_rows(_likelihood(network, latents)).astype(np.int64)
    shape = (1, config.channels, config.height, config.width)
    picture = to_pixels(torch.from_numpy(symbols.reshape(shape)))
    stack.push_normal(latents, LIMIT, *_posterior(network, picture))
    return picture


def _prior(latents: int) -> tuple[Floats, Floats]:
    """Return mean and deviation in steps."""
    return np.zeros(latents), np.full(latents, 1 / STEP)


def _posterior(network: GaussianVae, picture: Pixels) -> tuple[Floats, Floats]:
    """Return mean and deviation in steps, of one picture, always in a batch of one."""
    found = network.posterior(to_tensor(picture))
    mean = found.mean[0].numpy().astype(np.float64) / STEP
    deviation = found.log_deviation[0].exp().numpy().astype(np.float64) / STEP
    return np.clip(mean, -LIMIT, LIMIT), deviation


def _likelihood(network: GaussianVae, latents: Symbols) -> Floats:
    """Return the mass of every value of every sample."""
    z = torch.from_numpy(latents.astype(np.float32) * np.float32(STEP))[None]
    mean, log_scale = network.likelihood(z)
    return masses(mean[0].numpy().reshape(-1), log_scale[0].numpy().reshape(-1))


def _first_words(latents: int) -> bytes:
    """Return the words that every stack starts with; the last of them is not zero."""
    pairs = 1 + latents * FIRST_BITS // 64
    return np.random.PCG64(0).random_raw(pairs).astype("<u8").tobytes()
