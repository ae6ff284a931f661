"""Cases by number: each is made from the campaign's seed and its own number, and can be had again."""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tools.fuzz.mutations import mutated
from tools.fuzz.target import PICTURE, Failure, Seed, Way, any_way, outcome, seeds

SLOW_SECONDS = 2.0
"""Processor time that a case may take beyond a normal decode."""

MORE_BYTES = 1 << 30
"""Memory that a case may take beyond a normal decode."""

HANG_SECONDS = 120.0
"""A case that takes so long by the clock is ended."""

LARGEST_SEED_SHARE = 0.05
"""Of the cases begin with a file of 96 x 64 pixels; the others are smaller, and faster."""


@dataclass(frozen=True)
class Case:
    """One file and how it is read.

    Args:
        number: of the case.
        seed: what the file was made from.
        data: the file.
        attacker: whether its checksums were computed anew.
        way: how it is read.
    """

    number: int
    seed: Seed
    data: bytes
    attacker: bool
    way: Way


@dataclass
class Tally:
    """What came of some cases.

    Args:
        cases: how many there were.
        damaged: outcomes of those whose checksums were left alone, by name.
        attacked: outcomes of those whose checksums were computed anew, by name.
        failures: number of the case and what happened.
        slowest: seconds of processor time beyond the slowest normal decode, and number of the case.
        largest: bytes of memory beyond a normal decode, and number of the case.
        normal_seconds: of processor time, of the slowest decode of a sound file.
    """

    cases: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    attacked: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)
    normal_seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Take in what came of other cases."""
        self.cases += other.cases
        self.damaged.update(other.damaged)
        self.attacked.update(other.attacked)
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)
        self.largest = max(self.largest, other.largest)
        self.normal_seconds = max(self.normal_seconds, other.normal_seconds)

    def to_json(self) -> str:
        """Return everything as text."""
        return json.dumps(vars(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """Undo `to_json`."""
        plain = json.loads(text)
        plain |= {name: Counter(plain[name]) for name in ("damaged", "attacked")}
        plain |= {name: tuple(plain[name]) for name in ("slowest", "largest")}
        return cls(**(plain | {"failures": [tuple(failure) for failure in plain["failures"]]}))


class Campaign:
    """Runs cases.

    Memory is the high-water mark of the process (`ru_maxrss`) above what it was after every sound
    file had been decoded: it counts what torch and NumPy take, and never falls.

    Args:
        seed: decides all cases.
        failures: folder for the files of cases that fail; is made when there is one.
    """

    def __init__(self, seed: int, failures: Path) -> None:
        self._seed, self._failures = seed, failures
        self._seeds = seeds()
        self._sound = frozenset(seed.data for seed in self._seeds)
        self._small = [seed for seed in self._seeds if not seed.name.endswith("largest")]
        self._normal_seconds = max(self._normal(seed) for seed in self._seeds)
        self._peak_bytes = self._first_peak_bytes = _peak_bytes()

    def case(self, number: int) -> Case:
        """Return a case; the same number gives the same case on every machine."""
        # Random seeds itself from text by SHA-512.
        rng = random.Random(f"{self._seed}/{number}")  # noqa: S311
        several = self._seeds if rng.random() < LARGEST_SEED_SHARE else self._small
        seed, other = rng.choice(several), rng.choice(self._seeds)
        attacker = rng.random() < 0.5
        data = mutated(rng, seed.data, other.data, attacker=attacker)
        return Case(number, seed, data, attacker, any_way(rng))

    def run(self, numbers: range) -> Tally:
        """Run some cases."""
        tally = Tally(normal_seconds=self._normal_seconds)
        for number in numbers:
            self._run(self.case(number), tally)
        return tally

    def _run(self, case: Case, tally: Tally) -> None:
        tally.cases += 1
        started = time.process_time()
        try:
            with _deadline(), warnings.catch_warnings():
                warnings.simplefilter("error")
                result = self._outcome(case)
            (tally.attacked if case.attacker else tally.damaged)[result] += 1
            self._measure(case, time.process_time() - started, tally)
        except Exception as error:  # noqa: BLE001  anything at all is what we are looking for
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            tally.failures.append((case.number, what))
            self._keep(case)

    def _outcome(self, case: Case) -> str:
        result = outcome(case.seed.codec, case.data, case.way)
        sound = case.attacker or case.data in self._sound
        if result == PICTURE and not sound and not case.way.partial:
            raise Failure("damage was not noticed")
        return result

    def _measure(self, case: Case, seconds: float, tally: Tally) -> None:
        more_seconds = round(max(0.0, seconds - self._normal_seconds), 3)
        tally.slowest = max(tally.slowest, (more_seconds, case.number))
        peak = _peak_bytes()
        if peak > self._peak_bytes:
            self._peak_bytes = peak
            tally.largest = max(tally.largest, (peak - self._first_peak_bytes, case.number))
        if more_seconds > SLOW_SECONDS:
            raise Failure(f"took {more_seconds} s more than a normal decode")
        if peak - self._first_peak_bytes > MORE_BYTES:
            raise Failure(f"took {peak - self._first_peak_bytes} bytes more than a normal decode")

    def _keep(self, case: Case) -> None:
        """Write the file of a case that failed, and the traceback beside it."""
        self._failures.mkdir(parents=True, exist_ok=True)
        path = self._failures / f"{self._seed}-{case.number}.vqz"
        path.write_bytes(case.data)
        notes = f"{case.seed.name}\n{case.way}\nattacker: {case.attacker}\n\n"
        path.with_suffix(".txt").write_text(notes + traceback.format_exc(), encoding="utf-8")

    def _normal(self, seed: Seed) -> float:
        """Return the processor time of all that is done with a sound file."""
        for _ in range(2):
            started = time.process_time()
            for image_format in ("PNG", "TIFF", "WEBP", "JPEG"):
                result = outcome(seed.codec, seed.data, Way(image_format=image_format))
                if result != PICTURE:
                    raise Failure(f"{seed.name} is no sound file: {result}")
        return (time.process_time() - started) / 4


@contextmanager
def _deadline() -> Iterator[None]:
    """Interrupt the body when it hangs, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def hangs(_number: int, _frame: FrameType | None) -> None:
        raise Failure(f"hangs: no end after {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _peak_bytes() -> int:
    """Return the most memory that the process has ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
