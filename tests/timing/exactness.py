"""Try whether codes come back exactly: every picture, then one changed factor at a time.

    python -m tests.timing.exactness all --pictures kodak --work out
    python -m tests.timing.exactness factors --pictures kodak --work out --python other/bin/python

`all` codes every picture at every whole quality and compares the codes that are decoded with those
that were encoded. `factors` writes the files and codes of a few pictures, and for each factor starts
a process that decodes them and also encodes the pictures itself; a process without the factor then
decodes what it wrote. Pixels of the same file are compared with those drawn without the factor.

What is done is kept in the work folder, so that a run that was ended goes on where it stopped.
Exits 1 if a code differs or pixels differ by more than docs/exactness.md allows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.timing.exactness_process import MAX_PIXELS, PARTS, Factor, Job, differences
from vqzip.model_folder import locate, model_id, read_config

if TYPE_CHECKING:
    from vqzip.codec import Codec

ROOT = Path(__file__).parents[2]
LEAST_SHARE_WITHIN_1, LARGEST_DIFFERENCE = 0.999, 2


def run_job(job: Job) -> dict[str, Any]:
    """Do a job in a process of its own, or return what it gave before."""
    own = Path(job.own)
    own.mkdir(parents=True, exist_ok=True)
    results, wanted = own / "results.json", json.loads(json.dumps(asdict(job)))
    if results.is_file():
        done: dict[str, Any] = json.loads(results.read_text())
        if done["job"] == wanted:
            return done
        shutil.rmtree(own)
        own.mkdir()
    environment = {**os.environ, "PYTHONPATH": _joined(str(ROOT), os.environ.get("PYTHONPATH"))}
    if job.factor.threads is not None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(job.factor.threads)
    call = [job.factor.python, "-m", "tests.timing.exactness_process", json.dumps(wanted)]
    print(f"{job.factor.name} ...", file=sys.stderr, flush=True)
    ended = subprocess.run(call, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"the process of '{job.factor.name}' ended with {ended.returncode}.")
    results.write_text(ended.stdout)
    return json.loads(ended.stdout)  # type: ignore[no-any-return]


def _joined(first: str, rest: str | None) -> str:
    return first if not rest else first + os.pathsep + rest


def factors(arguments: argparse.Namespace) -> list[Factor]:
    """Return the factors to try, one change each."""
    threads = [Factor(f"{n} thread{'s' * (n > 1)}", threads=n) for n in (1, 2)]
    chunks = [Factor(f"chunks of {n}", chunk=n) for n in (61, 1024, 1 << 20)]
    formats = [Factor(name, memory_format=name) for name in ("contiguous_format", "channels_last")]
    devices = [Factor(f"device {name}", device=name) for name in arguments.device]
    pythons = [Factor(f"python {number}", python=p) for number, p in enumerate(arguments.python, 1)]
    without = Factor("without oneDNN", onednn=False)
    return [*threads, *chunks, *formats, without, *devices, *pythons]


def try_factors(model: str, arguments: argparse.Namespace) -> bool:
    """Try every factor with a model; prints a table and returns whether all is as it must be."""
    folder = locate(model)
    identity, name = model_id(folder).hex(), read_config(folder).name
    root = arguments.work.resolve() / f"{name}-{identity[:8]}"
    pictures = tuple(str(path) for path in chosen_pictures(arguments.pictures, arguments.count))
    one_quality = read_config(folder).vqvae.quality is None
    qualities = arguments.qualities[:1] if one_quality else arguments.qualities

    def job(factor: Factor, own: str, decode: Iterable[str], coded: tuple[str, ...]) -> Job:
        efforts = tuple(arguments.efforts)
        paths = tuple(str(root / part) for part in decode)
        return Job(
            factor,
            str(folder.resolve()),
            identity,
            coded,
            qualities,
            efforts,
            str(root / own),
            paths,
        )

    first = run_job(job(Factor("default"), "default", ["default"], pictures))
    tried = factors(arguments)
    folders = [factor.name.replace(" ", "_") for factor in tried]
    results = [
        run_job(job(factor, own, ["default"], pictures))
        for factor, own in zip(tried, folders, strict=True)
    ]
    judged = run_job(job(Factor("default, of all files"), "judge", folders, ()))
    print(f"\n{name} ({identity[:16]}), {len(pictures)} pictures, qualities {qualities}")
    print(f"{'factor':18} {'versions':64} files     codes  differ  same  within 1  max")
    fine = True
    for own, result in zip(["default", *folders], [first, *results], strict=True):
        decoded = result["found"][str(root / "default")]
        counts = [decoded]
        if own != "default":
            counts.append(judged["found"][str(root / own)])
        total, differ = (sum(f[part] for c in counts for f in c.values()) for part in PARTS)
        within, largest = compare_pixels(root, own)
        fine &= differ == 0 and within >= LEAST_SHARE_WITHIN_1 and largest <= LARGEST_DIFFERENCE
        print(
            f"{own.replace('_', ' '):18} {_versions(result):64} {sum(map(len, counts)):5} {total:9} "
            f"{differ:7} {same_files(root, own, decoded):5} {100 * within:8.4f}% {largest:4}",
            flush=True,
        )
    return fine


def _versions(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {what}" for name, what in result["versions"].items())


def same_files(root: Path, own: str, names: Iterable[str]) -> int:
    """Return how many files are, byte for byte, those of the first process."""
    pairs = [(root / own / f"{n}.vqz", root / "default" / f"{n}.vqz") for n in names]
    return sum(a.read_bytes() == b.read_bytes() for a, b in pairs)


def compare_pixels(root: Path, own: str) -> tuple[float, int]:
    """Return the share of samples within 1 of the first process's, and the largest difference."""
    samples = within = largest = 0
    for mine in sorted((root / own / "pixels").glob("*.npy")):
        pixels = np.load(mine).astype(np.int16)
        reference = np.load(root / "default" / "pixels" / mine.name)
        difference = np.abs(pixels - reference)
        samples += difference.size
        within += int((difference <= 1).sum())
        largest = max(largest, int(difference.max()))
    return within / samples, largest


def chosen_pictures(folder: Path, count: int | None) -> list[Path]:
    """Return the pictures of a folder, at most `count`, evenly spaced."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg"})
    if not found:
        raise SystemExit(f"{folder} has no pictures.")
    if count is None or count >= len(found):
        return found
    return [found[i * len(found) // count].resolve() for i in range(count)]


_CODECS: dict[str, Codec] = {}
"""One a process of the pool."""


def code_one(task: tuple[str, str, float]) -> dict[str, Any]:
    """Code a picture, decode the file, compare."""
    import vqzip
    from vqzip.pictures.read import read_picture

    model, source, quality = task
    if model not in _CODECS:
        _CODECS[model] = vqzip.load(model)
    picture = read_picture(Path(source), max_pixels=MAX_PIXELS, strict=False)
    encoded = _CODECS[model].encode_picture(picture, quality=quality)
    decoded = _CODECS[model].decode_codes(encoded.data)
    return {
        "model": _CODECS[model].model.id.hex(),
        "picture": Path(source).name,
        "quality": quality,
        "bytes": len(encoded.data),
        "codes": sum(level.size for level in encoded.codes.levels),
        "differ": differences(decoded, encoded.codes.levels),
        "sha256": decoded.sha256(),
    }


def try_all(model: str, arguments: argparse.Namespace) -> bool:
    """Code every picture at every quality; prints a table and returns whether all came back."""
    folder = locate(model)
    identity, config = model_id(folder).hex(), read_config(folder)
    arguments.work.mkdir(parents=True, exist_ok=True)
    log = arguments.work / f"all-{config.name}-{identity[:8]}.jsonl"
    lines = log.read_text().splitlines() if log.is_file() else []
    # A process that was killed may have left half a line.
    records = [json.loads(line) for line in lines if line.endswith("}")]
    done = {(r["picture"], r["quality"]): r for r in records}
    qualities = arguments.qualities if config.vqvae.quality is not None else (4.0,)
    pictures = chosen_pictures(arguments.pictures, arguments.count)
    wanted = [(str(folder.resolve()), str(p), q) for p in pictures for q in qualities]
    tasks = [task for task in wanted if (Path(task[1]).name, task[2]) not in done]
    with (
        log.open("a", encoding="utf-8") as out,
        ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool,
    ):
        for number, record in enumerate(pool.map(code_one, tasks), 1):
            out.write(json.dumps(record) + "\n")
            out.flush()
            done[record["picture"], record["quality"]] = record
            print(f"\r{config.name} {number}/{len(tasks)}", end="", file=sys.stderr, flush=True)
    by_quality = defaultdict(list)
    for _, path, quality in wanted:
        by_quality[quality].append(done[Path(path).name, quality])
    print(f"\n{config.name} ({identity[:16]})\nquality  files      bytes      codes  differ")
    for quality, records in by_quality.items():
        sums = [sum(r[part] for r in records) for part in ("bytes", "codes", "differ")]
        print(f"{quality:7g}  {len(records):5}  {sums[0]:9}  {sums[1]:9}  {sums[2]:6}")
    return not any(r["differ"] for records in by_quality.values() for r in records)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, call, count, qualities in (
        ("all", try_all, None, "1,2,3,4,5,6,7,8"),
        ("factors", try_factors, 6, "1,4,8"),
    ):
        command = commands.add_parser(name)
        command.set_defaults(call=call)
        command.add_argument("--pictures", type=Path, required=True, help="a folder")
        command.add_argument("--work", type=Path, required=True, help="folder for what is kept")
        command.add_argument("--model", action="append", help="may be repeated; default: photo")
        command.add_argument("--count", type=int, default=count, help="at most so many pictures")
        command.add_argument("--qualities", type=_numbers, default=_numbers(qualities))
        if name == "all":
            command.add_argument("--jobs", type=int, default=1, help="processes")
            continue
        command.add_argument("--efforts", type=int, nargs="+", default=[4, 0])
        command.add_argument(
            "--python", action="append", default=[], help="another interpreter; may be repeated"
        )
        command.add_argument("--device", action="append", default=[], help="such as cuda")
    arguments = parser.parse_args()
    outcomes = [arguments.call(model, arguments) for model in arguments.model or ["photo"]]
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
