"""What commands cost from start to end: time, memory, and what an installation takes.

    python -m tools.bench.commands --vqzip env/bin/vqzip --picture kodak/kodim08.png --large photo.png

`--vqzip` is the command of an environment into which nothing but vqzip was installed, so that the last row
says what an installation takes. Rows are medians, alone and beside two processes that keep cores busy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY = "while True: pass"
BUSY_PROCESSES = 2
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Cost:
    """Medians over the runs of one command.

    Args:
        seconds: from start to end.
        processor_seconds: of all threads.
        peak_bytes: the largest of all runs.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def cost(command: Sequence[str], runs: int) -> Cost:
    """Run a command several times.

    Raises:
        SystemExit: it fails.
    """
    measured = [_one(command) for _ in range(runs)]
    return Cost(
        statistics.median(one.seconds for one in measured),
        statistics.median(one.processor_seconds for one in measured),
        max(one.peak_bytes for one in measured),
    )


def _one(command: Sequence[str]) -> Cost:
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}: {said.read().decode()}")
    # Linux counts kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy with other work."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def installed_bytes(vqzip: Path) -> tuple[int, int]:
    """Return the bytes of an environment, and of pip and setuptools in it."""
    root = vqzip.absolute().parent.parent
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    sizes = {path: path.stat().st_size for path in files}
    tools = [size for path, size in sizes.items() if {"pip", "setuptools"} & set(path.parts)]
    return sum(sizes.values()), sum(tools)


def rows(
    vqzip: Path, picture: Path, large: Path | None, runs: int, work: Path
) -> Iterator[tuple[str, str]]:
    """Yield what was measured, a row each."""
    command, file = str(vqzip), str(work / "a.vqz")
    encode = [command, "encode", str(picture), "-o", file, "--force"]
    decode = [command, "decode", file, "-o", str(work / "a.png"), "--force"]
    for name, line in (("encode", encode), ("decode", decode)):
        alone = cost(line, runs)
        yield f"`vqzip {name}` of {picture.name}", text(alone)
        with busy(BUSY_PROCESSES):
            beside = cost(line, runs)
        ratio = beside.seconds / alone.seconds
        yield f"... beside {BUSY_PROCESSES} busy processes", f"{text(beside)}, {ratio:.1f} times"
    if large is not None:
        file = str(work / "large.vqz")
        encode = [command, "encode", str(large), "-o", file, "--force"]
        yield f"`vqzip encode` of {large.name}", text(cost(encode, 1 + runs // 3))
        decode = [command, "decode", file, "-o", str(work / "large.png"), "--force"]
        yield f"`vqzip decode` of {large.name}", text(cost(decode, 1 + runs // 3))
        goal = [*encode, "--psnr", "36"]
        yield f"`vqzip encode --psnr 36` of {large.name}", text(cost(goal, 1))
    whole, tools = installed_bytes(vqzip)
    yield (
        "installation",
        f"{(whole - tools) / MEGABYTE:.0f} MB, with pip and setuptools {whole / MEGABYTE:.0f} MB",
    )


def text(found: Cost) -> str:
    return (
        f"{found.seconds:.2f} s, processor {found.processor_seconds:.2f} s, "
        f"peak {found.peak_bytes / MEGABYTE:.0f} MB"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vqzip", type=Path, required=True, help="command that is measured")
    parser.add_argument("--picture", type=Path, required=True, help="a Kodak picture")
    parser.add_argument("--large", type=Path, help="a picture of 12 megapixels")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"{os.cpu_count()} cores, load before: {load}\n")
    print("| what | measured |\n|---|---|")
    with tempfile.TemporaryDirectory() as work:
        for name, measured in rows(
            arguments.vqzip, arguments.picture, arguments.large, arguments.runs, Path(work)
        ):
            print(f"| {name} | {measured} |", flush=True)


if __name__ == "__main__":
    main()
