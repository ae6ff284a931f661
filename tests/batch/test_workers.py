"""The crew: order, errors, stopping, memory; with made-up work, so nothing depends on a codec."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from vqzip.batch.names import Task
from vqzip.batch.outcomes import Outcome, Totals
from vqzip.batch.workers import Crew, Stopped
from vqzip.errors import PictureError, UsageError

TASKS = [Task(Path(f"{number}.jpg"), Path(f"{number}.vqz")) for number in range(12)]
PATIENCE_SECONDS = 30


def number_of(task: Task) -> int:
    return int(task.source.stem)


def done(task: Task) -> Outcome:
    return Outcome(task, bytes_in=10, bytes_out=5)


@pytest.mark.parametrize("jobs", [1, 3, 50])
def test_outcomes_come_in_the_order_of_the_files(jobs: int) -> None:
    second_started = threading.Event()

    def work(task: Task) -> Outcome:
        if jobs > 1 and number_of(task) == 0:
            # The first file is the last to be finished.
            assert second_started.wait(PATIENCE_SECONDS)
        second_started.set()
        return done(task)

    assert [number_of(outcome.task) for outcome in Crew(jobs).run(TASKS, work)] == list(range(12))


def test_errors_are_outcomes_and_fail_nothing_else() -> None:
    errors = {
        2: PictureError("2.jpg is damaged."),
        3: PermissionError(errno.EACCES, "Permission denied"),
        4: MemoryError(),
        5: ZeroDivisionError("division by zero"),
        6: FileNotFoundError(errno.ENOENT, "No such file"),
    }

    def work(task: Task) -> Outcome:
        if number_of(task) in errors:
            raise errors[number_of(task)]
        return done(task)

    outcomes = list(Crew(2).run(TASKS, work))
    assert {number_of(o.task): o.error for o in outcomes if o.status == "failed"} == {
        2: "2.jpg is damaged.",
        3: "permission denied.",
        4: "there is not enough memory for this picture.",
        5: "unexpected ZeroDivisionError: division by zero (a bug in vqzip).",
        6: "there is no such file; check the path.",
    }
    totals = Totals()
    for outcome in outcomes:
        totals.add(outcome)
    assert (totals.done, totals.failed, totals.bytes_in, totals.ratio) == (7, 5, 70, "2.0:1")


def test_fail_fast_starts_nothing_more() -> None:
    tried = []

    def work(task: Task) -> Outcome:
        tried.append(number_of(task))
        raise PictureError("damaged.")

    assert len(list(Crew(1, fail_fast=True).run(TASKS, work))) == 1
    assert tried == [0]


def full_disk(task: Task) -> Outcome:
    cause = OSError(errno.ENOSPC, "No space left on device")
    raise PictureError(f"{task.output} cannot be written.") from cause


def wrong_settings(_: Task) -> Outcome:
    raise UsageError("the model has no effort 3.")


@pytest.mark.parametrize(
    ("work", "kind"), [(full_disk, PictureError), (wrong_settings, UsageError)]
)
def test_what_would_fail_every_file_ends_the_call(work: object, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        list(Crew(2).run(TASKS, work))  # type: ignore[arg-type]


def test_interrupting_waits_for_writes_and_forbids_later_ones() -> None:
    crew = Crew(2)
    writing, go_on, late = threading.Event(), threading.Event(), threading.Event()
    written: list[int] = []

    def work(task: Task) -> Outcome:
        if number_of(task) == 0:
            return done(task)
        if number_of(task) == 1:
            with crew.may_write():
                writing.set()
                assert go_on.wait(PATIENCE_SECONDS)
                written.append(1)
            return done(task)
        assert late.wait(PATIENCE_SECONDS)
        try:
            with crew.may_write():
                written.append(number_of(task))
        except Stopped:
            late.clear()
            raise
        return done(task)

    outcomes = crew.run(TASKS, work)
    next(outcomes)
    assert writing.wait(PATIENCE_SECONDS)
    threading.Timer(0.2, go_on.set).start()
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator; Ctrl-C does the same
    assert written == [1]
    late.set()
    for thread in threading.enumerate():
        if thread.name.startswith("vqzip-job"):
            thread.join(PATIENCE_SECONDS)
    assert written == [1]


def test_large_pictures_are_worked_on_one_at_a_time() -> None:
    crew = Crew(4, most_pixels=100)
    lock, pixels, most = threading.Lock(), [0], [0]

    def work(task: Task) -> Outcome:
        size = 500 if number_of(task) % 4 == 0 else 40
        with crew.room(size):
            with lock:
                pixels[0] += size
                most[0] = max(most[0], pixels[0] if pixels[0] != size else 0)
            threading.Event().wait(0.01)
            with lock:
                pixels[0] -= size
        return done(task)

    assert len(list(crew.run(TASKS, work))) == len(TASKS)
    # Alone, a picture may be larger; together they are not.
    assert most[0] <= 100
