"""The long run: `python -m tools.fuzz.run --cases 200000 --seed 1 --processes 1`.

Prints how files ended, the slowest case, the largest memory, and every failure; goes on where it was
stopped when called again with the same seed and folder. `--only N` runs one case and shows how it ends.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from tools.fuzz.campaign import HANG_SECONDS, Campaign, Tally

CHUNK = 500
"""Cases between two lines of progress, and between two states to go on from."""

_campaign: Campaign | None = None
"""Of this process: its models are loaded once."""


def main() -> int:
    """Run a campaign; the exit status is 1 when a case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000, help="how many (default: 200,000)")
    parser.add_argument("--seed", type=int, default=1, help="decides all cases (default: 1)")
    parser.add_argument("--processes", type=int, default=1, help="at once (default: 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("fuzz"), help="folder for state and failures"
    )
    parser.add_argument("--only", type=int, help="run this case alone, and let its error through")
    arguments = parser.parse_args()
    if arguments.only is not None:
        return _run_one(arguments.seed, arguments.only, arguments.out)
    tally = _run_all(arguments.cases, arguments.seed, arguments.processes, arguments.out)
    print(report(tally))
    return 1 if tally.failures else 0


def report(tally: Tally) -> str:
    """Return what came of a campaign, as lines of text."""
    columns = "{:20} {:>18} {:>22}"
    names = sorted({*tally.damaged, *tally.attacked})
    rows = [(name, tally.damaged[name], tally.attacked[name]) for name in names]
    rows += [("cases", tally.damaged.total(), tally.attacked.total())]
    lines = [
        columns.format("outcome", "checksums as were", "checksums recomputed"),
        *(columns.format(name, f"{a:,}", f"{b:,}") for name, a, b in rows),
        f"slowest case: {tally.slowest[0]:.2f} s of processor time more than the slowest normal "
        f"decode ({tally.normal_seconds:.2f} s), case {tally.slowest[1]}",
        f"largest memory: {tally.largest[0] / 1e6:.1f} MB more than after all normal decodes "
        f"(ru_maxrss), case {tally.largest[1]}",
        f"{tally.cases:,} cases, {len(tally.failures)} failures",
        *(f"case {number}: {what}" for number, what in tally.failures),
    ]
    return "\n".join(lines)


def _run_one(seed: int, number: int, out: Path) -> int:
    campaign = Campaign(seed, out / "failures")
    case = campaign.case(number)
    print(f"{case.seed.name}, {case.way}, attacker: {case.attacker}, {len(case.data)} bytes")
    tally = campaign.run(range(number, number + 1))
    print(report(tally))
    return 1 if tally.failures else 0


def _run_all(cases: int, seed: int, processes: int, out: Path) -> Tally:
    state = out / f"state-{seed}.json"
    tally = Tally.from_json(state.read_text("utf-8")) if state.is_file() else Tally()
    out.mkdir(parents=True, exist_ok=True)
    chunks = [range(n, min(n + CHUNK, cases)) for n in range(tally.cases, cases, CHUNK)]
    started, before = time.monotonic(), tally.cases
    for part in _tallies(chunks, seed, processes, out / "failures"):
        tally.add(part)
        temporary = state.with_suffix(".part")
        temporary.write_text(tally.to_json(), "utf-8")
        temporary.replace(state)
        rate = (tally.cases - before) / (time.monotonic() - started)
        print(
            f"{tally.cases:,} of {cases:,} cases, {len(tally.failures)} failures, "
            f"{rate:.0f} a second",
            flush=True,
        )
    return tally


def _tallies(chunks: list[range], seed: int, processes: int, failures: Path) -> Iterator[Tally]:
    """Yield what came of each chunk, in order."""
    if processes == 1:
        _start(seed, failures)
        yield from map(_run_chunk, chunks)
        return
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(processes, _start, (seed, failures)) as pool:
        yield from pool.imap(_run_chunk, chunks)


def _start(seed: int, failures: Path) -> None:
    global _campaign
    torch.set_num_threads(1)
    _campaign = Campaign(seed, failures)


def _run_chunk(numbers: range) -> Tally:
    assert _campaign is not None
    # Code that never comes back to Python cannot be interrupted: the process ends, with a traceback.
    faulthandler.dump_traceback_later(HANG_SECONDS * len(numbers), exit=True)
    tally = _campaign.run(numbers)
    faulthandler.cancel_dump_traceback_later()
    return tally


if __name__ == "__main__":
    sys.exit(main())
