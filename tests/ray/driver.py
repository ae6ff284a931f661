"""What the tests of `vqzip.ray` run in a process of its own, with a cluster of two cores on this machine.

    python driver.py FOLDER MODEL SCRIPT

In the folder lie `photos` and `shards`. The rows of all tables are printed as one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ray

import vqzip.ray

PATIENCE_SECONDS = 600
KILLED_AFTER = 100


def workers() -> list[int]:
    """Return the processes of the workers that encode files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            parent = (process / "environ").read_bytes()
        except OSError:
            continue
        # Of this cluster alone; others may run on this machine.
        mine = f"VQZIP_TEST={os.getpid()}".encode() in parent
        if mine and line.startswith(b"ray::") and b"FileEncoder" in line:
            found.append(int(process.name))
    return sorted(found)


def kill_one(out: Path, killed: list[int]) -> None:
    """Kill a worker as soon as some files are there."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and not killed:
        there = workers()
        if there and len(list(out.rglob("*.vqz"))) >= KILLED_AFTER:
            killed.append(there[0])
            os.kill(there[0], signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    """Run everything."""
    folder, model, script = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    variables = {"PYTHONPATH": os.environ["PYTHONPATH"], "VQZIP_TEST": str(os.getpid())}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": variables},
             object_store_memory=200 << 20, log_to_driver=False)  # fmt: skip
    photos, out = str(folder / "photos"), folder / "out"
    killed: list[int] = []
    thread = threading.Thread(target=kill_one, args=(out, killed), daemon=True)
    thread.start()
    tables: dict[str, Any] = {}
    tables["files"] = vqzip.ray.encode_files(photos, str(out), model=model).take_all()
    thread.join()
    tables["files again"] = vqzip.ray.encode_files(photos, str(out), model=model).take_all()
    shards, packed, back = (str(folder / name) for name in ("shards", "packed", "back"))
    tables["shards"] = vqzip.ray.encode_shards(shards, packed, model=model).take_all()
    tables["shards again"] = vqzip.ray.encode_shards(shards, packed, model=model).take_all()
    tables["decoded"] = vqzip.ray.decode_shards(packed, back, model=model).take_all()
    os.chdir(folder)
    exec(script.read_text(), {"__name__": "__main__"})  # noqa: S102
    ray.shutdown()
    sys.stdout.write(json.dumps({"killed": killed, "tables": tables}) + "\n")


if __name__ == "__main__":
    main()
