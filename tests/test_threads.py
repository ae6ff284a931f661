"""Work that is shared by threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from vqzip.errors import UsageError
from vqzip.threads import SWITCH, share, thread_count


def test_every_item_is_worked_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "4")
    done: list[int] = []
    share(done.append, range(1000))
    assert sorted(done) == list(range(1000))


def test_several_threads_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "2")
    # Both must be in the middle of their item at the same time.
    meeting = threading.Barrier(2, timeout=60)
    share(lambda _: meeting.wait(), range(2))


def test_shared_work_may_share_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "3")
    done: list[int] = []
    share(lambda item: share(done.append, [item] * 10), range(20))
    assert sorted(done) == sorted(list(range(20)) * 10)


def test_an_error_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "2")

    def refuse(item: int) -> None:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        share(refuse, range(5))
    share(lambda _: None, [])


def test_the_first_item_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "2")
    meeting = threading.Barrier(2, timeout=60)

    def refuse(item: int) -> None:
        meeting.wait()
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"):
        share(refuse, range(2))


def test_one_thread_works_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "4")
    done: list[tuple[int, int]] = []
    share(lambda item: done.append((item, threading.get_ident())), range(50), threads=1)
    assert done == [(item, threading.get_ident()) for item in range(50)]


def test_threads_are_the_cores_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if hasattr(os, "sched_getaffinity"):
        assert thread_count() == len(os.sched_getaffinity(0))
    monkeypatch.setenv(SWITCH, "0")
    with pytest.raises(UsageError, match="VQZIP_THREADS must be 1 or more, got '0'"):
        thread_count()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    # The child has a copy of the pool, but none of its threads.
    script = """
import os, threading
from vqzip.threads import share
meeting = threading.Barrier(2, timeout=60)
share(lambda _: meeting.wait(), range(2))
child = os.fork()
if not child:
    meeting = threading.Barrier(2, timeout=60)
    share(lambda _: meeting.wait(), range(2))
    os._exit(7)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    environment = {**os.environ, SWITCH: "2"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, timeout=120
    )
    assert done.returncode == 7
