"""Check that codes are decoded exactly: for every picture, then with one changed factor at a time.

    python -m tools.bench.exactness all --pictures kodak --work out
    python -m tools.bench.exactness factors --pictures kodak --work out --python "torch 2.6=/opt/old/bin/python"

`all` codes every picture at every whole quality and compares the codes that are decoded with those
that were encoded. `factors` writes the files and codes of a few pictures with one thread, and for each
factor starts a process that decodes them and also encodes the pictures itself; a process without the
factor then decodes what it wrote. Pixels of the same file are compared with those drawn without it.

Finished work is kept in the work folder, so that an interrupted run can continue.
Exits with 1 if a code differs, or if pixels differ by more than docs/promises/exactness.md allows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.exactness_factors import put_into, table, try_factors
from tools.bench.exactness_process import MAX_PIXELS, differences
from vqzip.models.folder import read_config
from vqzip.models.places import locate, model_id

if TYPE_CHECKING:
    from vqzip.codec.codec import Codec


def try_all_factors(arguments: argparse.Namespace) -> bool:
    """Try every factor with every model; print a table and return whether all results are correct."""
    pictures = chosen_pictures(arguments.pictures, arguments.count)
    models = [try_factors(model, pictures, arguments) for model in arguments.model or ["photo"]]
    text = table(models, with_gpu=bool(arguments.device))
    print(text)
    if arguments.into is not None:
        put_into(arguments.into, text)
    return all(row.fine for _, rows in models for row in rows)


def chosen_pictures(folder: Path, count: int | None) -> list[Path]:
    """Return the pictures of a folder, at most `count`, evenly spaced."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg"})
    if not found:
        raise SystemExit(f"{folder} has no pictures.")
    if count is None or count >= len(found):
        return found
    return [found[i * len(found) // count].resolve() for i in range(count)]


_CODECS: dict[str, Codec] = {}
"""One for each process of the pool."""


def code_one(task: tuple[str, str, float]) -> dict[str, Any]:
    """Encode a picture, decode the file, compare."""
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


def try_all(arguments: argparse.Namespace) -> bool:
    """Code every picture at every quality with every model; returns whether all came back."""
    outcomes = [try_all_of(model, arguments) for model in arguments.model or ["photo"]]
    return all(outcomes)


def try_all_of(model: str, arguments: argparse.Namespace) -> bool:
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
        ("factors", try_all_factors, 6, "1,4,8"),
    ):
        command = commands.add_parser(name)
        command.set_defaults(call=call)
        command.add_argument("--pictures", type=Path, required=True, help="a folder")
        command.add_argument("--work", type=Path, required=True, help="folder for what is kept")
        command.add_argument("--model", action="append", help="may be repeated; default: photo")
        command.add_argument("--count", type=int, default=count, help="at most so many pictures")
        command.add_argument("--qualities", type=_numbers, default=_numbers(qualities))
        command.add_argument("--jobs", type=int, default=1, help="processes side by side")
        if name == "all":
            continue
        command.add_argument("--efforts", type=int, nargs="+", default=[4])
        command.add_argument(
            "--python",
            metavar="NAME=PATH",
            action="append",
            default=[],
            help="another interpreter; may be repeated",
        )
        command.add_argument("--device", action="append", default=[], help="such as cuda")
        command.add_argument("--only", action="append", help="a factor's name; may be repeated")
        command.add_argument("--into", type=Path, help="page whose table is replaced")
    arguments = parser.parse_args()
    sys.exit(0 if arguments.call(arguments) else 1)


if __name__ == "__main__":
    main()
