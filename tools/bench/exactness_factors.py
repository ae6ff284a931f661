"""One changed factor at a time: processes that encode and decode, and the table of results."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench.callers_settings import SETTINGS
from tools.bench.exactness_process import PARTS, Factor, Job
from tools.marked_parts import with_marked_part
from vqzip.errors import UsageError
from vqzip.models.folder import read_config
from vqzip.models.places import locate, model_id

ROOT = Path(__file__).parents[2]
LEAST_SHARE_WITHIN_1, LARGEST_DIFFERENCE = 0.999, 2

CLEARED = ("ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_")
"""Variables with these prefixes are set only by factors."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

NO_WAITING = ("GOMP_SPINCOUNT=0", "KMP_BLOCKTIME=0", "OMP_WAIT_POLICY=passive")
KERNELS = {
    "AVX2": (
        "ATEN_CPU_CAPABILITY=avx2",
        "MKL_CBWR=AVX2",
        "MKL_ENABLE_INSTRUCTIONS=AVX2",
        "ONEDNN_MAX_CPU_ISA=AVX2",
        "OPENBLAS_CORETYPE=Haswell",
    ),
    "SSE": (
        "ATEN_CPU_CAPABILITY=default",
        "MKL_CBWR=COMPATIBLE",
        "MKL_ENABLE_INSTRUCTIONS=SSE4_2",
        "ONEDNN_MAX_CPU_ISA=SSE41",
        "OPENBLAS_CORETYPE=Nehalem",
    ),
}
"""Variables that keep libraries from using newer instructions."""


@dataclass(frozen=True)
class Row:
    """The results of a factor with one model.

    Args:
        factor: its name.
        versions: of the process.
        files: decoded, in both directions.
        codes: in them.
        differ: codes that were decoded otherwise than encoded.
        same: files that are, byte for byte, those of the first process.
        samples: of pixels.
        beyond_1: samples that differ from the first process's by more than 1.
        largest: difference of a sample.
    """

    factor: str
    versions: dict[str, Any]
    files: int
    codes: int
    differ: int
    same: int
    samples: int
    beyond_1: int
    largest: int

    @property
    def fine(self) -> bool:
        """Whether the result is as docs/promises/exactness.md promises."""
        within = self.samples - self.beyond_1 >= LEAST_SHARE_WITHIN_1 * self.samples
        return self.differ == 0 and within and self.largest <= LARGEST_DIFFERENCE


def factors(arguments: argparse.Namespace) -> list[Factor]:
    """Return the factors to try, one change each."""
    changes = [Factor(f"{n} threads", threads=n) for n in (2, 3, 4)]
    for name, threads, environment in (
        ("threads as the libraries choose", None, ()),
        ("OMP_DYNAMIC", 2, ("OMP_DYNAMIC=TRUE",)),
        ("MKL_DYNAMIC off", 2, ("MKL_DYNAMIC=FALSE",)),
        ("OMP_SCHEDULE, OMP_PROC_BIND", 2, ("OMP_SCHEDULE=dynamic,1", "OMP_PROC_BIND=TRUE")),
        ("threads that never wait", 2, NO_WAITING),
        ("OpenBLAS, 2 threads", 1, ("OPENBLAS_NUM_THREADS=2",)),
        ("AVX2 only", 1, (*KERNELS["AVX2"], _numpy_without("X86_V4", "AVX512"))),
        ("no AVX", 1, (*KERNELS["SSE"], _numpy_without("X86_V", "AVX", "FMA"))),
    ):
        changes.append(Factor(name, threads=threads, environment=environment))
    changes += [Factor(name, setting=name) for name in SETTINGS]
    changes += [Factor(f"chunks of {n}", chunk=n) for n in (61, 1 << 20)]
    for name in ("contiguous_format", "channels_last"):
        changes.append(Factor(name.replace("_", " "), memory_format=name))
    changes.append(Factor("without oneDNN", onednn=False))
    for given in arguments.python:
        name, _, path = given.rpartition("=")
        changes.append(Factor(name or path, python=path))
    changes += [Factor(f"device {name}", device=name) for name in arguments.device]
    if arguments.only:
        changes = [factor for factor in changes if factor.name in arguments.only]
    return changes


def _numpy_without(*beginnings: str) -> str:
    """Return the variable that keeps NumPy from instructions whose names begin so."""
    facts: Any = np.show_config(mode="dicts")
    there = facts["SIMD Extensions"].get("found", [])
    return f"NPY_DISABLE_CPU_FEATURES={' '.join(n for n in there if n.startswith(beginnings))}"


def run_job(job: Job) -> dict[str, Any]:
    """Run a job in a process of its own, or return its earlier result."""
    own = Path(job.own)
    own.mkdir(parents=True, exist_ok=True)
    results, wanted = own / "results.json", json.loads(json.dumps(asdict(job)))
    if results.is_file():
        done: dict[str, Any] = json.loads(results.read_text())
        if done["job"] == wanted:
            return done
        shutil.rmtree(own)
        own.mkdir()
    call = [job.factor.python, "-m", "tools.bench.exactness_process", json.dumps(wanted)]
    print(f"{Path(job.own).parent.name}: {job.factor.name} ...", file=sys.stderr, flush=True)
    ended = subprocess.run(
        call, env=environment(job.factor), stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"the process of '{job.factor.name}' ended with {ended.returncode}.")
    results.write_text(ended.stdout)
    return json.loads(ended.stdout)  # type: ignore[no-any-return]


def environment(factor: Factor) -> dict[str, str]:
    """Return the variables that a factor's process starts with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = {} if factor.threads is None else dict.fromkeys(THREADS, str(factor.threads))
    own = dict(setting.split("=", 1) for setting in factor.environment)
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), **threads, **own}


def try_factors(
    model: str, pictures: Sequence[Path], arguments: argparse.Namespace
) -> tuple[str, list[Row]]:
    """Try every factor with a model; returns its name, and rows, that of the first process first."""
    folder = locate(model)
    identity, config = model_id(folder).hex(), read_config(folder)
    root = arguments.work.resolve() / f"{config.name}-{identity[:8]}"
    qualities = arguments.qualities if config.vqvae.quality is not None else (4.0,)

    def job(factor: Factor, decode: Iterable[str], coded: Sequence[Path]) -> Job:
        return Job(
            factor,
            str(folder.resolve()),
            identity,
            tuple(map(str, coded)),
            qualities,
            tuple(arguments.efforts),
            str(root / place(factor)),
            tuple(str(root / part) for part in decode),
        )

    tried, first = factors(arguments), Factor("default")
    results = [run_job(job(first, ["default"], pictures))]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        # A process each; the threads only wait for them.
        results += pool.map(lambda factor: run_job(job(factor, ["default"], pictures)), tried)
    reader = Factor("default, of all files")
    read_back = run_job(job(reader, [place(factor) for factor in tried], []))
    rows = [
        row(factor, root, result, read_back)
        for factor, result in zip([first, *tried], results, strict=True)
    ]
    return config.name, rows


def place(factor: Factor) -> str:
    """Return the name of a factor's folder."""
    return "".join(letter if letter.isalnum() else "_" for letter in factor.name)


def row(factor: Factor, root: Path, result: dict[str, Any], read_back: dict[str, Any]) -> Row:
    """Return the results of a factor; the default process has decoded its files."""
    own, first = root / place(factor), root / "default"
    decoded = result["found"][str(first)]
    counts = [decoded] if own == first else [decoded, read_back["found"][str(own)]]
    total, differ = (sum(file[part] for c in counts for file in c.values()) for part in PARTS)
    pairs = [(own / f"{name}.vqz", first / f"{name}.vqz") for name in decoded]
    same = sum(a.read_bytes() == b.read_bytes() for a, b in pairs)
    samples, beyond_1, largest = compare_pixels(own / "pixels", first / "pixels")
    files = sum(map(len, counts))
    return Row(
        factor.name, result["versions"], files, total, differ, same, samples, beyond_1, largest
    )


def compare_pixels(own: Path, first: Path) -> tuple[int, int, int]:
    """Return how many samples there are, how many differ by more than 1, the largest difference."""
    samples = beyond_1 = largest = 0
    for mine in sorted(own.glob("*.npy")):
        difference = np.abs(np.load(mine).astype(np.int16) - np.load(first / mine.name))
        samples += difference.size
        beyond_1 += int((difference > 1).sum())
        largest = max(largest, int(difference.max()))
    return samples, beyond_1, largest


def table(models: Sequence[tuple[str, list[Row]]], *, with_gpu: bool) -> str:
    """Return the Markdown table of all factors and models."""
    names = [name for name, _ in models]
    heads = ["changed", "files", "codes", "differ", "same files"]
    heads += [f"largest difference, `{name}`" for name in names] + ["samples beyond 1"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    start = models[0][1][0].versions
    for same_factor in zip(*(rows for _, rows in models), strict=True):
        files, codes, differ, same, samples, beyond = (
            sum(getattr(found, part) for found in same_factor)
            for part in ("files", "codes", "differ", "same", "samples", "beyond_1")
        )
        versions = same_factor[0].versions
        changed = [f"{key} {now}" for key, now in versions.items() if now != start[key]]
        if versions is start:
            changed = [f"{key} {now}" for key, now in versions.items()]
        name = same_factor[0].factor + (f" ({', '.join(changed)})" if changed else "")
        cells = [name, f"{files}", f"{codes:,}", f"{differ:,}", f"{same}"]
        cells += [str(found.largest) for found in same_factor]
        lines.append("| " + " | ".join([*cells, f"{beyond / samples:.4%}"]) + " |")
    if not with_gpu:
        lines.append("| GPU" + " | not measured" * (len(heads) - 1) + " |")
    return "\n".join(lines) + "\n"


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the markers of a page."""
    try:
        changed = with_marked_part(page.read_text(encoding="utf-8"), "factors", text, path=page)
    except UsageError as error:
        raise SystemExit(str(error)) from error
    page.write_text(changed, encoding="utf-8")
