"""Measure speed and memory of coding, as commands and with a loaded model.

    python -m tools.bench.benchmark --picture kodim23.png --model photo --model vqvae2

Prints JSON, and on stderr a small table. Commands run first, in processes of their own, each
measured by a small process between: on Linux a process inherits the peak memory of the one that
started it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

GRAIN = 2.0
"""Standard deviation of the noise that is added to the large picture (of 255), because upscaled
photographs are too smooth."""

_LAUNCHER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - started
if done.returncode:
    sys.stderr.buffer.write(done.stderr)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, seconds, peak * (1 if sys.platform == "darwin" else 1024)]))
"""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        what: the name of the measurement.
        seconds: median.
        all_seconds: of each repetition.
        peak_bytes: largest memory of the process; None for what runs inside this one.
        note: the result, in words.
    """

    what: str
    seconds: float
    all_seconds: tuple[float, ...]
    peak_bytes: int | None = None
    note: str = ""


def command(what: str, arguments: Sequence[str], repeat: int) -> Row:
    """Run `vqzip` with arguments several times in processes of its own."""
    call = [sys.executable, "-c", _LAUNCHER, sys.executable, "-m", "vqzip", *arguments]
    seconds, peaks = [], []
    for _ in range(repeat):
        printed = subprocess.run(call, stdout=subprocess.PIPE, check=True).stdout
        status, elapsed, peak = json.loads(printed)
        if status:
            raise SystemExit(f"vqzip {' '.join(arguments)} ended with status {status}.")
        seconds.append(elapsed)
        peaks.append(peak)
    return Row(what, statistics.median(seconds), tuple(seconds), max(peaks))


def loaded(what: str, call: Callable[[], object], repeat: int) -> Row:
    """Call a function several times, after a first call that is not counted."""
    call()
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return Row(what, statistics.median(seconds), tuple(seconds))


def large_picture(source: Path, width: int, height: int, path: Path) -> None:
    """Write a photograph of any size: the source at twice its size, mirrored to fill it, with grain."""
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    picture = picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS)
    mirrored = ImageOps.mirror(picture)
    canvas = Image.new("RGB", (width, height))
    for row, top in enumerate(range(0, height, picture.height)):
        for column, left in enumerate(range(0, width, picture.width)):
            part = mirrored if column % 2 else picture
            canvas.paste(ImageOps.flip(part) if row % 2 else part, (left, top))
    rng = np.random.default_rng(0)
    noisy = np.asarray(canvas) + GRAIN * rng.standard_normal((height, width, 3), np.float32)
    Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8)).save(path, compress_level=1)


def measure_commands(model: str, picture: Path, quality: str, repeat: int, work: Path) -> list[Row]:
    """Measure the whole commands `encode`, `decode` and `info`."""
    coded, decoded = work / "picture.vqz", work / "picture.png"
    encode = ["encode", str(picture), "-o", str(coded), "-q", quality, "--model", model, "--force"]
    decode = ["decode", str(coded), "-o", str(decoded), "--model", model, "--force"]
    return [
        command(f"{model}: vqzip encode", encode, repeat),
        command(f"{model}: vqzip decode", decode, repeat),
        command(f"{model}: vqzip info", ["info", str(coded)], repeat),
    ]


def measure_large(model: str, large: Path, quality: str, work: Path) -> list[Row]:
    """Measure `encode` and `decode` of a large picture once, and check its decoded size."""
    coded, decoded = work / "large.vqz", work / "large_decoded.png"
    encode = ["encode", str(large), "-o", str(coded), "-q", quality, "--model", model, "--force"]
    decode = ["decode", str(coded), "-o", str(decoded), "--model", model, "--force"]
    with Image.open(large) as opened:
        size = opened.size
    rows = [
        command(f"{model}: vqzip encode, {size[0]}x{size[1]}", encode, 1),
        command(f"{model}: vqzip decode, {size[0]}x{size[1]}", decode, 1),
    ]
    with Image.open(decoded) as opened:
        if opened.size != size:
            raise SystemExit(f"{model}: {size} came back as {opened.size}.")
    note = f"{coded.stat().st_size} bytes; exact size back"
    return [rows[0], Row(**{**asdict(rows[1]), "note": note})]


def measure_loaded(model: str, picture: Path, quality: float, repeat: int) -> list[Row]:
    """Measure coding of one picture with a loaded model."""
    import vqzip
    from vqzip.pictures.read import read_picture

    started = time.perf_counter()
    codec = vqzip.load(model)
    loading = time.perf_counter() - started
    pixels = read_picture(picture, max_pixels=1 << 30, strict=False)
    data = codec.encode_picture(pixels, quality=quality).data
    codes = loaded(f"{model}: decode, codes alone", lambda: codec.decode_codes(data), repeat)
    whole = loaded(f"{model}: decode", lambda: codec.decode_picture(data), repeat)
    return [
        Row(f"{model}: load", loading, (loading,)),
        loaded(f"{model}: encode", lambda: codec.encode_picture(pixels, quality=quality), repeat),
        loaded(
            f"{model}: encode, nearest codes (--effort 0)",
            lambda: codec.encode_picture(pixels, quality=quality, effort=0),
            repeat,
        ),
        whole,
        codes,
        Row(f"{model}: decode, pixels (the rest)", whole.seconds - codes.seconds, ()),
    ]


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    import torch

    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = named[0].partition(":")[2].strip() if named else processor
    packages = ("torch", "numpy", "pillow", "constriction")
    return {
        "machine": platform.machine(),
        "processor": processor,
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "torch_threads": torch.get_num_threads(),
        "thread_settings": {
            name: os.environ[name]
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
            if name in os.environ
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows on stderr."""
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}}  seconds  peak MiB", file=sys.stderr)
    for row in rows:
        peak = "" if row.peak_bytes is None else f"{row.peak_bytes / 2**20:.0f}"
        line = f"{row.what:{width}}  {row.seconds:7.2f}  {peak:>8}  {row.note}"
        print(line.rstrip(), file=sys.stderr)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", type=Path, required=True, help="a photograph, 768 x 512")
    parser.add_argument("--model", action="append", help="may be repeated; default: photo")
    parser.add_argument("--quality", type=float, default=4.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        "--large", default="4000x3000", metavar="WxH", help="size of the large picture; '' for none"
    )
    arguments = parser.parse_args()
    picture, repeat = arguments.picture.resolve(), arguments.repeat
    models = arguments.model or ["photo"]
    quality = f"{arguments.quality:g}"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows.append(command("vqzip --help", ["--help"], repeat))
        for model in models:
            rows += measure_commands(model, picture, quality, repeat, work)
        if arguments.large:
            width, height = map(int, arguments.large.split("x"))
            large_picture(picture, width, height, work / "large.png")
            for model in models:
                rows += measure_large(model, work / "large.png", quality, work)
    for model in models:
        rows += measure_loaded(model, picture, arguments.quality, repeat)
    facts = {
        "command": sys.argv,
        "picture": picture.name,
        "quality": arguments.quality,
        **machine(),
        "rows": [asdict(row) for row in rows],
    }
    print(json.dumps(facts, indent=1))
    print_table(rows)


if __name__ == "__main__":
    main()
