"""The arithmetic that the codec runs its networks in, whatever the program around it has set.

torch has settings that reach into every computation of a process or of a thread: a default type of
floats, products rounded to bfloat16 or TensorFloat-32, autocast. They are meant for the caller's own
networks. In ours they would cost more than the pixels' tolerance, or stop with an error about types.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any

import torch

AUTOCAST_DEVICES = ("cpu", "cuda", "xpu", "mps")
WHOLE = "ieee"
"""torch's word for float32 that rounds no input."""

_BACKENDS: Any = torch.backends
"""Its annotations lack the precisions."""


@contextmanager
def own_arithmetic() -> Iterator[None]:
    """Compute in plain float32, without gradients, then give the caller's settings back.

    Also a decorator. What torch keeps for a thread is changed in this thread alone; what it keeps for
    the whole process is changed only where it differs, while any thread is inside.
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
    """Settings of the process: the first thread to come in changes them, the last restores them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                _change_default_type(self._before)
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


_PROCESS = _Process()


def _change_default_type(before: ExitStack) -> None:
    if torch.get_default_dtype() != torch.float32:
        before.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)


def _change_precision(before: ExitStack) -> None:
    """Let products and convolutions of float32 round no input, on the CPU and on GPUs."""
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
    """Change it under its oldest name, which later torch compares with what its places have."""
    # It cannot be asked for when the caller has set the places one by one.
    with suppress(RuntimeError):
        precision = torch.get_float32_matmul_precision()
        if precision != "highest":
            before.callback(torch.set_float32_matmul_precision, precision)
            torch.set_float32_matmul_precision("highest")


def _rounds(place: Any) -> bool:
    return place.fp32_precision not in ("none", WHOLE)


def _restore(place: Any, precision: str) -> None:
    # Where it only followed a wider setting, it shall do so again.
    place.fp32_precision = "none"
    if place.fp32_precision != precision:
        place.fp32_precision = precision
