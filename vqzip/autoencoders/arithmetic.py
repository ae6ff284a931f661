"""Runs the networks of the codec in plain float32, whatever the caller has set in torch.

torch has settings that affect every computation of a process or thread: products rounded to bfloat16 or
TensorFloat-32, autocast. They are meant for the caller's own networks. In ours, they would exceed the
tolerance of pixels. The default float type does not matter, for types are named.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any

import torch

AUTOCAST_DEVICES = ("cpu", "cuda", "xpu", "mps")
WHOLE = "ieee"
"""torch's name for float32 without rounding of inputs."""

_BACKENDS: Any = torch.backends
"""Untyped, because its annotations lack the precisions."""


@contextmanager
def own_arithmetic() -> Iterator[None]:
    """Compute in plain float32, without gradients, then restore the caller's settings.

    Also a decorator. Settings of a thread are changed in this thread only. The rounding of products, which
    belongs to the process, is changed only if the caller allows it, while any thread is inside.
    """
    with ExitStack() as own:
        # First: leaving inference mode turns gradients on.
        own.enter_context(torch.inference_mode(mode=False))
        own.enter_context(torch.no_grad())
        for device in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                own.enter_context(torch.autocast(device, enabled=False))
        own.enter_context(_PROCESS)
        yield


class _Process:
    """Settings of the process: the first thread that enters changes them, the last one restores them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                _change_precision(self._before)
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.close()

    def start_anew(self) -> None:
        """Be outside, in a process that was forked: the threads that were inside are not there."""
        self._lock = threading.Lock()
        self._inside = 0
        self._before.close()


_PROCESS = _Process()


def _start_anew() -> None:
    # The threads of PyTorch's pool are missing too, and waiting for them would never end.
    torch.set_num_threads(1)
    _PROCESS.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def _change_precision(before: ExitStack) -> None:
    """Prevent products and convolutions of float32 from rounding inputs, on the CPU and on GPUs."""
    if not hasattr(_BACKENDS, "fp32_precision"):  # torch before 2.9
        _change_old_precision(before)
        return
    products: tuple[Any, ...] = (_BACKENDS.mkldnn.matmul, _BACKENDS.cuda.matmul)
    places = (*products, _BACKENDS.mkldnn.conv)
    if _BACKENDS.cuda.is_built():
        places += (_BACKENDS.cudnn.conv,)
    if not any(_rounds(place) for place in places):
        return
    for place in places:
        before.callback(_restore, place, place.fp32_precision)
    if any(_rounds(place) for place in products):
        _change_product_precision(before)
    for place in places:
        if _rounds(place):
            place.fp32_precision = WHOLE


def _change_old_precision(before: ExitStack) -> None:
    _change_product_precision(before)
    cudnn = _BACKENDS.cudnn
    if cudnn.allow_tf32:
        before.callback(setattr, cudnn, "allow_tf32", cudnn.allow_tf32)
        cudnn.allow_tf32 = False


def _change_product_precision(before: ExitStack) -> None:
    """Change it under its oldest name; later versions of torch check that all names agree."""
    # It cannot be read if the caller has set the places one by one.
    with suppress(RuntimeError):
        precision = torch.get_float32_matmul_precision()
        if precision != "highest":
            before.callback(torch.set_float32_matmul_precision, precision)
            torch.set_float32_matmul_precision("highest")


def _rounds(place: Any) -> bool:
    return place.fp32_precision not in ("none", WHOLE)


def _restore(place: Any, precision: str) -> None:
    # If it only followed a wider setting, let it do so again.
    place.fp32_precision = "none"
    if place.fp32_precision != precision:
        place.fp32_precision = precision
