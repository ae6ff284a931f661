"""The structures of `source/model.h`, as ctypes sees them."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int16, c_int32, c_int64, c_uint64, c_void_p
from enum import IntEnum
from typing import Any


class Weights(ctypes.Structure):
    """Of a layer, `(pairs, lanes, 2)`."""

    _fields_ = [("weight", c_void_p), ("pairs", c_int64), ("lanes", c_int64)]


class Rounding(ctypes.Structure):
    """Bias and shift of a layer."""

    _fields_ = [
        ("bias", c_void_p),
        ("shift", c_void_p),
        ("conditions", c_int64),
        ("lanes", c_int64),
    ]


class Stage(ctypes.Structure):
    """Layers of one stage."""

    _fields_ = [
        ("channels", c_void_p),
        ("codes", c_int64),
        ("from_first", Weights),
        ("from_words", Weights),
        ("hidden", Rounding),
        ("from_hidden", Weights),
        ("out", Rounding),
    ]


class Update(ctypes.Structure):
    """A layer of the running state's update."""

    _fields_ = [
        ("from_values", Weights),
        ("from_words", Weights),
        ("rounding", Rounding),
        ("kernel", c_int64),
    ]


class Tables(ctypes.Structure):
    """Tables of the logistic head."""

    _fields_ = [
        ("narrow", c_void_p),
        ("wide", c_void_p),
        ("low_bits", c_void_p),
        ("escape_order", c_void_p),
        ("window_bits", c_void_p),
        ("narrow_rows", c_int64),
    ]


class Level(ctypes.Structure):
    """The prior of one level."""

    _fields_ = [
        ("channels", c_int64),
        ("words_of_code", c_int64),
        ("side", c_int64),
        ("codewords", c_int64),
        ("state", c_int64),
        ("next_state", c_int64),
        ("halves", c_int64),
        ("neighbor_mean", c_int64),
        ("features", c_void_p),
        ("tables", POINTER(Tables)),
        ("exp2", c_void_p),
        ("from_state", Weights),
        ("from_taps", Weights),
        ("first", Rounding),
        ("stages", POINTER(Stage)),
        ("stage_count", c_int64),
        ("updates", POINTER(Update)),
        ("update_count", c_int64),
    ]


class Job(ctypes.Structure):
    """One level of one picture."""

    _fields_ = [
        ("height", c_int64),
        ("width", c_int64),
        ("state", c_void_p),
        ("state_height", c_int64),
        ("state_width", c_int64),
        ("condition", c_int64),
        ("coded_stages", c_int64),
        ("first_tile", c_int64),
        ("last_tile", c_int64),
        ("codes", c_void_p),
        ("record", c_void_p),
    ]


class GridChoice(ctypes.Structure):
    """How codes of a grid are chosen."""

    _fields_ = [
        ("latents32", c_void_p),
        ("latents64", c_void_p),
        ("bit_price", c_double),
        ("deadzone", c_double),
    ]


class BookChoice(ctypes.Structure):
    """How codewords are chosen."""

    _fields_ = [
        ("residuals", c_void_p),
        ("codewords", c_void_p),
        ("norms", c_void_p),
        ("bits", c_void_p),
        ("groups", c_int64),
        ("depth", c_int64),
        ("dim", c_int64),
        ("unit", c_double),
        ("bit_price", c_double),
    ]


class Reader(ctypes.Structure):
    """A stream that is read."""

    _fields_ = [("words", c_void_p), ("left", c_int64), ("state", c_uint64)]


class Writer(ctypes.Structure):
    """Symbols that are written."""

    _fields_ = [
        ("symbols", c_void_p),
        ("count", c_int64),
        ("capacity", c_int64),
        ("probability", c_double),
        ("exponent", c_int64),
    ]


class Drawer(ctypes.Structure):
    """What draws symbols."""

    _fields_ = [
        ("next_double", c_void_p),
        ("generator", c_void_p),
        ("narrow", c_void_p),
        ("wide", c_void_p),
    ]


class PixelLayer(ctypes.Structure):
    """A layer of a network of the pixel prior."""

    _fields_ = [("weights", Weights), ("rounding", Rounding)]


class PixelModel(ctypes.Structure):
    """A pixel prior."""

    _fields_ = [
        ("first_weights", c_void_p),
        ("reciprocal", c_void_p),
        ("deviation", c_void_p),
        ("narrowness", c_void_p),
        ("logistic", c_void_p),
        ("exponential", c_void_p),
        ("layers", PixelLayer * 3 * 3),
    ]


class PixelJob(ctypes.Structure):
    """A tile of samples."""

    _fields_ = [
        ("planes", c_int64),
        ("height", c_int64),
        ("width", c_int64),
        ("depth", c_int64),
        ("known", c_int64),
        ("samples", c_void_p),
    ]


class PixelNote(ctypes.Structure):
    """What was known about a sample."""

    _fields_ = [("prediction", c_int32), ("expected", c_int32), ("features", c_int16 * 70)]


class Result(IntEnum):
    """What a function of the library returns."""

    DONE = 0
    NO_MEMORY = 1
    DOES_NOT_FIT = 2
    READ_TOO_LARGE = 3
    READ_NO_END = 4
    CODE_TOO_LARGE = 5
    CODE_NOT_IN_BOOK = 6
    LATENT_NO_NUMBER = 7


_FACTORS: dict[Any, int] = {
    Level: 1,
    Job: 7,
    Stage: 11,
    Update: 13,
    Tables: 17,
    GridChoice: 19,
    BookChoice: 23,
    Reader: 29,
    Writer: 31,
    Drawer: 37,
}

LAYOUT = sum(factor * ctypes.sizeof(kind) for kind, factor in _FACTORS.items())
"""What `vqz_layout` returns if the library means the same structures."""

PIXEL_LAYOUT = sum(
    factor * ctypes.sizeof(kind)
    for kind, factor in ((PixelModel, 1), (PixelJob, 7), (PixelNote, 11))
)
"""What `vqz_pixel_layout` returns in that case."""
