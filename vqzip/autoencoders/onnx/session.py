"""One network, run by ONNX Runtime on the cores that the process may use."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vqzip.autoencoders.transform import Floats
from vqzip.threads import thread_count

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ONLY_ERRORS = 3


class Network:
    """A network of float32 arrays `(channels, rows, columns)` with any number of outputs.

    It is opened at the first call, because a decoder does not need the networks of the encoder. Several
    threads may call it at the same time.

    Args:
        graph: from `Graph.made`.
        constants: what is given after the arrays at every call takes no axis more.
    """

    def __init__(self, graph: bytes) -> None:
        self._graph = graph
        self._lock = threading.Lock()
        self._session: InferenceSession | None = None
        _OPENED.add(self)

    def __call__(self, maps: Sequence[Floats], step: float | None = None) -> list[Floats]:
        """Return the outputs for input maps, and for the quantizer's step where there is one."""
        session = self._opened()
        arrays = [each[None] for each in maps]
        if step is not None:
            arrays.append(np.array([step], np.float32))
        names = (each.name for each in session.get_inputs())
        outputs: list[Floats] = session.run(None, dict(zip(names, arrays, strict=True)))
        return [output[0] for output in outputs]

    def _opened(self) -> InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = _session(self._graph)
            return self._session

    def start_anew(self) -> None:
        """Open the network once more at its next call, in a process that was forked from this one.

        The session's threads are not there, and another thread may have held the lock. The session
        itself is never taken down: it would wait for its threads.
        """
        self._lock = threading.Lock()
        if self._session is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
            self._session = None


_OPENED: weakref.WeakSet[Network] = weakref.WeakSet()


def _start_all_anew() -> None:
    for network in list(_OPENED):
        network.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)


def _session(graph: bytes) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ONLY_ERRORS
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    # Spinning threads would take cores from working threads.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
