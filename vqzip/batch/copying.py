"""Copies files that are no pictures to the mirrored tree."""

from __future__ import annotations

import shutil
import time

from vqzip.batch.names import Task
from vqzip.batch.outcomes import Outcome
from vqzip.batch.workers import describe
from vqzip.files import whole_file


def copy_file(task: Task, *, force: bool) -> Outcome:
    """Copy a file with its times and permissions, whole or not at all; an error is an outcome."""
    started = time.perf_counter()
    source, output = task.source, task.output
    if output is None:
        raise ValueError("a copy needs a name")
    try:
        if output.exists() and output.samefile(source):
            return Outcome(task, "skipped")
        with whole_file(output, replace=force) as temporary:
            shutil.copy2(source, temporary)
    except OSError as error:
        return Outcome(task, "failed", error=f"cannot be copied: {describe(error)}")
    return Outcome(task, "copied", seconds=time.perf_counter() - started)
