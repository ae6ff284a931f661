"""What one call for many pictures saves, and a tree of 200 pictures with a kill on the way.

    python -m tools.bench.folders calls --pictures FOLDER --count 50
    python -m tools.bench.folders tree --pictures FOLDER --count 200

`calls` compares fifty calls of `vqzip encode`, one call with one job, and one call with two jobs, each of which
has one thread, in turns. Wall times say little beside other work, so processor times stand beside them; the time of
two jobs is also compared with that of two processes that do half of the work each, which no sharing can beat.

`tree` makes a tree of pictures of 1 to 12 megapixels with odd names, one broken and three that collide. It encodes
the tree, kills the call on the way, continues it and decodes everything, and checks that the same tree came back.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vqzip.files import is_unfinished
from vqzip.pictures.find import picture_files

VQZIP = (sys.executable, "-m", "vqzip")
KODAK_SIZE = (768, 512)
MEGAPIXELS = (1, 1, 1, 1, 1, 2, 2, 3, 6, 12)
"""Of the pictures of a tree, again and again."""

ODD_NAMES = (
    "plain",
    "two words",
    "[bold]",
    "\u00fcml\u00e4ut",
    "emoji \U0001f4f7",
    "dot.ted",
    "UPPER",
    "-dash",
)


@dataclass(frozen=True)
class Cost:
    """Seconds from start to end, and of processors."""

    seconds: float
    processor_seconds: float


def cost(commands: Sequence[Sequence[str]], *, at_once: bool = False) -> Cost:
    """Run commands, one after another or all at once.

    Raises:
        SystemExit: one of them fails.
    """
    started, used = time.perf_counter(), 0.0
    groups = [commands] if at_once else [[command] for command in commands]
    for group in groups:
        running = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for command in group]
        for process in running:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            used += usage.ru_utime + usage.ru_stime
            if process.returncode:
                raise SystemExit(f"{process.args!r} failed")
    return Cost(time.perf_counter() - started, used)


def compare_calls(pictures: Path, count: int, rounds: int) -> None:
    """Print the times of fifty calls and of one."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = kodak_sized(pictures, count, work / "in")
        halves = [files[::2], files[1::2]]
        rows: dict[str, list[Cost]] = {}
        for _ in range(rounds):
            calls = [[*VQZIP, "encode", str(file), *out(work)] for file in files]
            runs = {
                f"{count} calls": cost(calls),
                "1 call, --jobs 1 --threads 1": cost([encode(files, work, 1)]),
                "1 call, --jobs 2 --threads 1": cost([encode(files, work, 2)]),
                "2 processes, a half each": cost(
                    [encode(half, work, 1) for half in halves], at_once=True
                ),
            }
            for name, measured in runs.items():
                rows.setdefault(name, []).append(measured)
    print("| what | seconds, best | processor seconds, best |\n|---|---:|---:|")
    for name, costs in rows.items():
        wall = min(one.seconds for one in costs)
        processor = min(one.processor_seconds for one in costs)
        print(f"| {name} | {wall:.2f} | {processor:.2f} |")


def out(work: Path) -> list[str]:
    return ["-o", f"{work}/out/", "--force", "--quiet"]


def encode(files: Sequence[Path], work: Path, jobs: int) -> list[str]:
    options = ["--jobs", str(jobs), "--threads", "1"]
    return [*VQZIP, "encode", *map(str, files), *options, *out(work)]


def kodak_sized(pictures: Path, count: int, folder: Path) -> list[Path]:
    """Return so many pictures of Kodak's size, as PNG."""
    folder.mkdir()
    sources = picture_files(pictures)
    files = []
    for number in range(count):
        with Image.open(sources[number % len(sources)]) as image:
            made = image.convert("RGB").resize(KODAK_SIZE)
        if number >= len(sources):
            made = made.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        files.append(folder / f"{number:03}.png")
        made.save(files[-1], compress_level=1)
    return files


def make_tree(pictures: Path, count: int, root: Path) -> None:
    """Make a tree of so many pictures; the last but three is broken, the last three share a stem."""
    sources = picture_files(pictures)
    for number in range(count - 4):
        name = f"{ODD_NAMES[number % len(ODD_NAMES)]} {number}"
        folder = root / f"day {number % 7}" / ("deep/er" if number % 3 == 0 else "")
        folder.mkdir(parents=True, exist_ok=True)
        with Image.open(sources[number % len(sources)]) as image:
            pixels = MEGAPIXELS[number % len(MEGAPIXELS)] * 1_000_000
            factor = (pixels / (image.width * image.height)) ** 0.5
            size = (round(image.width * factor), round(image.height * factor))
            image.convert("RGB").resize(size, Image.Resampling.BILINEAR).save(
                folder / f"{name}.jpg", quality=92
            )
    (root / "day 1" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    with Image.open(sources[0]) as image:
        for suffix in ("jpg", "png", "tif"):
            image.convert("RGB").save(root / "day 2" / f"same.{suffix}")
    (root / "notes.txt").write_text("not a picture")


def check_tree(pictures: Path, count: int, work: Path) -> None:
    """Encode a tree, kill the call on the way, continue it, decode everything, and compare.

    Raises:
        SystemExit: something is lost, half-written, or done twice.
    """
    tree, packed, back = work / "in", work / "packed", work / "back"
    make_tree(pictures, count, tree)
    line = [*VQZIP, "encode", str(tree), "-r", "-o", str(packed), "--skip-existing", "-q", "2"]
    killed = subprocess.Popen([*line, "--quiet"])
    while len(list(packed.rglob("*.vqz"))) < count // 3:
        if killed.poll() is not None:
            raise SystemExit("the call ended before it was killed")
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    first = {
        file: file.stat().st_mtime_ns for file in packed.rglob("*.vqz") if not is_unfinished(file)
    }
    check = [*VQZIP, "info", *map(str, first)]
    demand(
        subprocess.run(check, capture_output=True, check=False).returncode == 0,
        "a file is not whole",
    )
    started = time.perf_counter()
    second = subprocess.run(line, capture_output=True, text=True, check=False)
    print(second.stderr.strip())
    print(f"killed after {len(first)} files; the rest took {time.perf_counter() - started:.0f} s")
    demand(second.returncode == 1, "the broken picture must give status 1")
    demand("broken.jpg is damaged" in second.stderr, "the broken picture is not named")
    demand(f"{len(first)} skipped" in second.stderr, "the second call did not skip the first files")
    demand(all(file.stat().st_mtime_ns == t for file, t in first.items()), "a file was done twice")
    decoded = subprocess.run(
        [*VQZIP, "decode", str(packed), "-r", "-o", str(back), "--format", "jpg"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(decoded.stderr.strip())
    demand(decoded.returncode == 0, "a file could not be decoded")
    wanted = {expected(file.relative_to(tree)) for file in picture_files(tree)}
    found = {file.relative_to(back) for file in back.rglob("*") if file.is_file()}
    demand(found == wanted - {Path("day 1/broken.jpg")}, f"the trees differ: {found ^ wanted}")
    demand(not any(map(is_unfinished, packed.rglob("*"))), "something half-written is left")
    for file in picture_files(tree):
        if file.name != "broken.jpg":
            with (
                Image.open(file) as before,
                Image.open(back / expected(file.relative_to(tree))) as now,
            ):
                demand(before.size == now.size, f"{file} has another size")
    print(f"{len(found)} pictures came back, each at its place and in its size")


def expected(path: Path) -> Path:
    """Return the name with which a picture of the tree comes back."""
    return path.with_name(f"{path.name}.jpg") if path.stem == "same" else path.with_suffix(".jpg")


def demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise SystemExit(f"FAILED: {otherwise}")


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("calls", "tree"))
    parser.add_argument("--pictures", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the tree, which stays")
    arguments = parser.parse_args()
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"{os.cpu_count()} cores, load before: {load}\n")
    if arguments.what == "calls":
        compare_calls(arguments.pictures, arguments.count, arguments.rounds)
        return
    work = arguments.keep or Path(tempfile.mkdtemp())
    try:
        check_tree(arguments.pictures, arguments.count, work)
    finally:
        if arguments.keep is None:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
