"""Ray on this machine: two workers, one of which is killed, lose nothing and do nothing twice."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import gradient

ray = pytest.importorskip("ray", reason="needs the extra ray")
pytest.importorskip("pyarrow", reason="needs the extra ray")

pytestmark = [
    pytest.mark.slow,
    # Of Ray's own, about its dependencies and its open sockets.
    pytest.mark.filterwarnings("ignore"),
]

ROOT = Path(__file__).parents[2]
PICTURES = 500
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of two cores on this machine."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    variables = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        runtime_env={"env_vars": variables},
        object_store_memory=200 << 20,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


def save(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.roll(gradient(24, 40), number, 1)).save(path)


def encoded_alone(path: Path, model: Path) -> bytes:
    from vqzip.batch.encoding import PictureEncoder
    from vqzip.batch.settings import EncodeSettings
    from vqzip.codec.codec import load

    return PictureEncoder(load(model), EncodeSettings()).make(path).encoded.data


def workers() -> list[int]:
    """Return the processes of the workers that encode."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::") and b"FileEncoder" in line:
            found.append(int(process.name))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in /proc")
def test_a_worker_that_is_killed_loses_nothing(
    cluster: None, tmp_path: Path, tiny_model: Path
) -> None:
    import vqzip.ray

    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(PICTURES):
        save(photos / f"day {number % 7}" / f"{number:03}.png", number)
    (photos / "broken.jpg").write_bytes(b"no picture")
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and not killed:
            if len(list(out.rglob("*.vqz"))) >= PICTURES // 5 and workers():
                killed.append(workers()[0])
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    table = vqzip.ray.encode_files(str(photos), str(out), model=str(tiny_model), actors=2)
    rows = table.take_all()
    thread.join()
    assert killed
    assert len(rows) == PICTURES + 1
    assert len({row["path"] for row in rows}) == PICTURES + 1
    (failed,) = (row for row in rows if row["status"] == "failed")
    assert failed["path"].endswith("broken.jpg")
    assert "damaged" in failed["error"]
    expected = {f"day {number % 7}/{number:03}.png.vqz" for number in range(PICTURES)}
    files = [path for path in out.rglob("*") if path.is_file()]
    # A worker that is killed while it writes leaves a hidden file, which no other name refers to.
    names = {path.relative_to(out).as_posix() for path in files if path.suffix == ".vqz"}
    assert names == expected
    for number in (0, 250, 499):
        name = f"day {number % 7}/{number:03}.png"
        whole = (out / f"{name}.vqz").read_bytes()
        assert whole == encoded_alone(photos / name, tiny_model)
    again = vqzip.ray.encode_files(str(photos), str(out), model=str(tiny_model)).take_all()
    assert sum(row["status"] == "exists" for row in again) == PICTURES
    assert len(again) == PICTURES + 1


def shard(path: Path, numbers: range) -> None:
    with tarfile.open(path, "w") as file:
        for number in numbers:
            picture = io.BytesIO()
            Image.fromarray(np.roll(gradient(24, 40), number, 1)).save(picture, "PNG")
            members = {f"{number:03}.png": picture.getvalue(), f"{number:03}.cls": b"%d" % number}
            for name, data in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                file.addfile(member, io.BytesIO(data))


def members_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as file:
        return {member.name: file.extractfile(member).read() for member in file}  # type: ignore[union-attr]


def test_webdataset_shards_in_and_out(cluster: None, tmp_path: Path, tiny_model: Path) -> None:
    import vqzip.ray

    given, packed, back = tmp_path / "in", tmp_path / "packed", tmp_path / "back"
    given.mkdir()
    for number in range(3):
        shard(given / f"{number}.tar", range(5 * number, 5 * number + 5))
    with tarfile.open(given / "1.tar", "a") as file:
        member = tarfile.TarInfo("bad.png")
        member.size = 3
        file.addfile(member, io.BytesIO(b"bad"))
    model = str(tiny_model)
    rows = vqzip.ray.encode_shards(str(given), str(packed), model=model).take_all()
    assert sorted(row["status"] for row in rows) == [*["done"] * 15, "failed"]
    for number in range(3):
        members = members_of(packed / f"{number}.tar")
        numbers = range(5 * number, 5 * number + 5)
        assert list(members) == [f"{n:03}.{suffix}" for n in numbers for suffix in ("vqz", "cls")]
        assert members[f"{numbers[0]:03}.cls"] == b"%d" % numbers[0]
    decoded = vqzip.ray.decode_shards(str(packed), str(back), model=model).take_all()
    assert [row["status"] for row in decoded] == ["done"] * 15
    picture = Image.open(io.BytesIO(members_of(back / "2.tar")["014.png"]))
    assert picture.size == (40, 24)
    again = vqzip.ray.encode_shards(str(given), str(packed), model=model).take_all()
    assert [row["status"] for row in again] == ["exists"] * 3
    assert sorted(path.name for path in packed.iterdir()) == ["0.tar", "1.tar", "2.tar"]


def test_the_script_of_the_page_runs(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.test_docs import blocks

    save(tmp_path / "photographs" / "one.png", 1)
    monkeypatch.chdir(tmp_path)
    script = blocks(ROOT / "docs" / "guide" / "clusters.md", "python")[0]
    exec(script, {"__name__": "__main__"})  # noqa: S102
    assert (tmp_path / "compressed" / "one.png.vqz").is_file()
    assert list((tmp_path / "table").glob("*.parquet"))
