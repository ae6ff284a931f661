"""Settings that a program may make for its own networks, each as a context.

Asks for torch and NumPy alone: other environments import it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch

BACKENDS: Any = torch.backends
"""Its annotations lack the precisions."""

NEW_NAMES = hasattr(BACKENDS, "fp32_precision")
"""Whether torch has the names of 2.9 for precisions."""


@contextmanager
def default_type(wanted: torch.dtype) -> Iterator[None]:
    """Make floats of this type where none is named."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(wanted)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _matmul_precision(wanted: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(wanted)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def _precision_of_everything(wanted: str) -> Iterator[None]:
    BACKENDS.fp32_precision = wanted
    try:
        yield
    finally:
        BACKENDS.fp32_precision = "none"


@contextmanager
def _tf32() -> Iterator[None]:
    before = BACKENDS.cuda.matmul.allow_tf32
    BACKENDS.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        BACKENDS.cuda.matmul.allow_tf32 = before


@contextmanager
def _default_device(wanted: str) -> Iterator[None]:
    with torch.device(wanted):
        yield


@contextmanager
def _flushed_denormals() -> Iterator[None]:
    if not torch.set_flush_denormal(True):
        raise RuntimeError("this processor cannot flush denormals.")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def _deterministic_algorithms() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


SETTINGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "float64 by default": lambda: default_type(torch.float64),
    "bfloat16 by default": lambda: default_type(torch.bfloat16),
    "autocast to bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "tf32 allowed": _tf32,
    "matmul precision medium": lambda: _matmul_precision("medium"),
    "denormals flushed": _flushed_denormals,
    "deterministic algorithms": _deterministic_algorithms,
    "another default device": lambda: _default_device("meta"),
    "errors of NumPy raised": lambda: np.errstate(all="raise"),
}
if NEW_NAMES:
    SETTINGS["fp32 precision bf16"] = lambda: _precision_of_everything("bf16")
