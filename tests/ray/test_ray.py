"""Ray on this machine: two workers, one of which is killed, lose nothing and do nothing twice."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import gradient
from tests.test_docs import blocks

ROOT = Path(__file__).parents[2]
PICTURES = 500
PATIENCE_SECONDS = 1200

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").exists(), reason="finds workers in /proc"),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray"),
]


@dataclass(frozen=True)
class Done:
    """What the driver left: its folder, and the rows of its tables."""

    folder: Path
    killed: list[int]
    tables: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Done:
    """All of it, run once: a cluster takes long to start."""
    folder = tmp_path_factory.mktemp("ray")
    for number in range(PICTURES):
        save(folder / "photos" / f"day {number % 7}" / f"{number:03}.png", number)
    (folder / "photos" / "broken.jpg").write_bytes(b"no picture")
    save(folder / "photographs" / "one.png", 1)
    make_shards(folder / "shards")
    script = folder / "script.py"
    script.write_text(blocks(ROOT / "docs" / "guide" / "clusters.md", "python")[0])
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    variables = {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_NUM_THREADS": "1",
        "RAY_raylet_start_wait_time_s": "300",
        "RAY_worker_niceness": "0",
    }
    driver = Path(__file__).with_name("driver.py")
    ran = subprocess.run(
        [sys.executable, str(driver), str(folder), str(tiny_model), str(script)],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout.splitlines()[-1])
    return Done(folder, printed["killed"], printed["tables"])


def save(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.roll(gradient(24, 40), number, 1)).save(path)


def encoded_alone(path: Path, model: Path) -> bytes:
    from vqzip.batch.encoding import PictureEncoder
    from vqzip.batch.settings import EncodeSettings
    from vqzip.codec.codec import load

    return PictureEncoder(load(model), EncodeSettings()).make(path).encoded.data


def make_shards(folder: Path) -> None:
    """Make three shards of five samples; one has a broken picture, too."""
    folder.mkdir()
    for first in range(0, 15, 5):
        with tarfile.open(folder / f"{first // 5}.tar", "w") as file:
            for number in range(first, first + 5):
                picture = io.BytesIO()
                Image.fromarray(np.roll(gradient(24, 40), number, 1)).save(picture, "PNG")
                add(file, f"{number:03}.png", picture.getvalue())
                add(file, f"{number:03}.cls", b"%d" % number)
            if first == 5:
                add(file, "bad.png", b"bad")


def add(file: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    file.addfile(member, io.BytesIO(data))


def members_of(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as file:
        for member in file:
            content = file.extractfile(member)
            found[member.name] = content.read() if content else b""
    return found


def statuses(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["status"] for row in rows)


def test_a_worker_that_is_killed_loses_nothing(done: Done, tiny_model: Path) -> None:
    assert len(done.killed) == 1
    rows, out = done.tables["files"], done.folder / "out"
    assert len({row["path"] for row in rows}) == len(rows) == PICTURES + 1
    (failed,) = (row for row in rows if row["status"] == "failed")
    assert failed["path"].endswith("broken.jpg")
    assert "damaged" in failed["error"]
    # A worker that is killed while it writes leaves a hidden file, which has another suffix.
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.vqz")}
    assert names == {f"day {number % 7}/{number:03}.png.vqz" for number in range(PICTURES)}
    for number in (0, 250, 499):
        name = f"day {number % 7}/{number:03}.png"
        alone = encoded_alone(done.folder / "photos" / name, tiny_model)
        assert (out / f"{name}.vqz").read_bytes() == alone


def test_the_same_call_again_finds_everything_done(done: Done) -> None:
    assert statuses(done.tables["files again"]) == [*["exists"] * PICTURES, "failed"]


def test_webdataset_shards_in_and_out(done: Done) -> None:
    assert statuses(done.tables["shards"]) == [*["done"] * 15, "failed"]
    assert statuses(done.tables["shards again"]) == ["exists"] * 3
    assert statuses(done.tables["decoded"]) == ["done"] * 15
    packed, back = done.folder / "packed", done.folder / "back"
    assert sorted(path.name for path in packed.iterdir()) == ["0.tar", "1.tar", "2.tar"]
    for shard in range(3):
        numbers = range(5 * shard, 5 * shard + 5)
        members = members_of(packed / f"{shard}.tar")
        assert list(members) == [f"{n:03}.{suffix}" for n in numbers for suffix in ("vqz", "cls")]
        assert members[f"{numbers[0]:03}.cls"] == b"%d" % numbers[0]
    with Image.open(io.BytesIO(members_of(back / "2.tar")["014.png"])) as picture:
        assert picture.size == (40, 24)


def test_the_script_of_the_page_runs(done: Done) -> None:
    assert (done.folder / "compressed" / "one.png.vqz").is_file()
    assert list((done.folder / "table").glob("*.parquet"))
