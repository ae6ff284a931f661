"""Real processes and their callers: closed streams, pipes, names of any bytes, narrow encodings, places."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures.made_pictures import gradient
from vqzip.files import shown_name

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs descriptors by name"),
]
BAD_NAME = os.fsdecode(b"caf\xe9.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with a picture, its file, and the model, which everybody may read."""
    place = tmp_path_factory.mktemp("callers")
    Image.fromarray(gradient()).save(place / "in.png")
    shutil.copytree(tiny_model, place / "tiny")
    done = vqzip("encode", "in.png", "-o", "in.vqz", "--model", "tiny", place=place)
    assert done.returncode == 0, done.stderr
    return place


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


def vqzip(
    *arguments: str | bytes,
    place: Path,
    data: bytes | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "vqzip", *arguments],
        cwd=place,
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        env=environment(**(variables or {})),
        timeout=300,
        check=False,
    )


def shell(line: str, place: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `vqzip` is the command."""
    command = f'vqzip() {{ "{sys.executable}" -m vqzip "$@"; }}; {line}'
    return subprocess.run(
        [shutil.which("bash") or "", "-c", command],
        cwd=place,
        capture_output=True,
        env=environment(),
        timeout=300,
        check=False,
    )


def is_vqz(data: bytes) -> bool:
    return data.startswith(b"\x89VQZ")


def test_messages_never_go_into_the_output(place: Path) -> None:
    done = shell("vqzip encode missing.png -o - --model tiny 2>&- > out.vqz", place)
    assert done.returncode == 1
    assert (place / "out.vqz").read_bytes() == b""
    done = shell("vqzip encode in.png -o - --model tiny 2>&- > out.vqz", place)
    assert done.returncode == 0
    assert is_vqz((place / "out.vqz").read_bytes())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "command", ["encode in.png -o closed.vqz --model tiny --force", "--version"]
)
def test_closed_streams_do_not_matter(command: str, closed: str, place: Path) -> None:
    done = shell(f"vqzip {command} {closed}", place)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if "encode" in command:
        assert is_vqz((place / "closed.vqz").read_bytes())


def test_closed_stdin_is_empty(place: Path) -> None:
    done = shell("vqzip encode - -o x.vqz --model tiny <&-", place)
    assert done.returncode == 1
    assert b"damaged or no picture" in done.stderr
    assert b"fault of vqzip" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "vqzip encode <(cat in.png) -o p1.vqz --model tiny",
        "cat in.png | vqzip encode /dev/stdin -o p2.vqz --model tiny",
        "vqzip encode /dev/stdin -o p3.vqz --model tiny < in.png",
        "vqzip encode in.png -o /dev/stdout --model tiny > p4.vqz",
        "vqzip encode in.png -o /dev/stdout --model tiny | cat > p5.vqz",
        "vqzip encode in.png -o >(cat > p6.vqz) --model tiny; sleep 1",
        "vqzip encode in.png -o /dev/fd/7 --model tiny 7> p7.vqz",
        "vqzip encode - -o - --model tiny < in.png > p8.vqz",
        "echo before > p9.txt; vqzip encode in.png -o /dev/stdout --model tiny >> p9.txt; "
        "tail -c +8 p9.txt > p9.vqz",
        "mkfifo way; (cat in.png > way &) ; vqzip encode way -o p10.vqz --model tiny; rm way",
        "mkfifo out; (cat out > p11.vqz &) ; vqzip encode in.png -o out --model tiny; sleep 1",
    ],
)
def test_pipes_are_read_once_and_written_as_named(line: str, place: Path) -> None:
    before = set(place.glob("p*.vqz"))
    done = shell(line, place)
    assert done.returncode == 0, done.stderr
    (written,) = set(place.glob("p*.vqz")) - before
    assert written.read_bytes() == (place / "in.vqz").read_bytes()


def test_decoding_reads_and_writes_pipes_too(place: Path) -> None:
    line = "vqzip decode <(cat in.vqz) --model tiny -o /dev/stdout > piped.png"
    assert shell(line, place).returncode == 0
    with Image.open(place / "piped.png") as image:
        assert image.size == (33, 24)
    assert shell("vqzip info <(cat in.vqz)", place).returncode == 0


def test_there_is_no_place_beside_a_pipe(place: Path) -> None:
    done = shell("vqzip encode <(cat in.png) --model tiny", place)
    assert done.returncode == 2
    assert b"name an output with -o" in done.stderr


def test_names_of_any_bytes(place: Path) -> None:
    shutil.copy(place / "in.png", place / BAD_NAME)
    done = vqzip("encode", os.fsencode(BAD_NAME), "--model", "tiny", place=place)
    assert done.returncode == 0, done.stderr
    assert b"caf\\xe9.vqz" in done.stderr
    assert vqzip("info", b"caf\xe9.vqz", place=place).returncode == 0
    (place / BAD_NAME).unlink()


MARKED = ("[edited].png", "[bold].png", ":smile:.png", "[/x].png".replace("/", "\u2215"))


@pytest.mark.parametrize("name", [*MARKED, "new\nline.png", "esc\x1b[31m.png"])
def test_markup_and_controls_in_names_are_no_more_than_names(name: str, place: Path) -> None:
    shutil.copy(place / "in.png", place / name)
    vqz = Path(name).with_suffix(".vqz").name
    done = vqzip("encode", name, "--model", "tiny", "--force", place=place)
    assert done.returncode == 0, done.stderr
    assert shown_name(vqz).encode() in done.stderr
    assert b"\x1b" not in done.stderr
    told = vqzip("info", vqz, place=place)
    assert told.returncode == 0
    assert shown_name(vqz).encode() in told.stdout
    (place / name).unlink()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
def test_narrow_encodings_print_every_name(encoding: str, place: Path) -> None:
    name = "\u0444\u043e\u0442\u043e.vqz"
    shutil.copy(place / "in.vqz", place / name)
    done = vqzip("info", name, place=place, variables={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert b"33 x 24" in done.stdout
    told = done.stdout.decode(encoding)
    assert name in told or "\\u0444" in told


def held_to_permissions(
    arguments: Sequence[str], place: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run vqzip without the power to enter everything, which root has."""
    front = [sys.executable, "-m", "vqzip"]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv") or pytest.skip("root needs setpriv")
        front = [setpriv, "--bounding-set", "-dac_override,-dac_read_search", *front]
    return subprocess.run(
        [*front, *arguments],
        cwd=place,
        capture_output=True,
        env=environment(**variables),
        timeout=300,
        check=False,
    )


@pytest.fixture
def locked(place: Path) -> Iterator[Path]:
    """A folder that may not be entered."""
    locked = place / "locked"
    (locked / "inside").mkdir(parents=True, exist_ok=True)
    locked.chmod(0)
    yield locked
    locked.chmod(0o755)


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": "locked"},
        {"HOME": "locked/inside", "XDG_DATA_HOME": ""},
        {"VQZIP_MODELS": "locked"},
        {"VQZIP_MODELS": "locked/inside", "XDG_DATA_HOME": "locked"},
    ],
    ids=str,
)
def test_places_that_may_not_be_entered_are_empty(
    variables: dict[str, str], place: Path, locked: Path
) -> None:
    absolute = {name: str(place / value) if value else "" for name, value in variables.items()}
    assert held_to_permissions(["info", str(locked / "x")], place).returncode == 1
    done = held_to_permissions(["info", "in.vqz"], place, **absolute)
    assert done.returncode == 0, done.stderr
    done = held_to_permissions(
        ["decode", "in.vqz", "-o", "-", "--model", "tiny"], place, **absolute
    )
    assert done.returncode == 0, done.stderr


def pictures(place: Path) -> Path:
    """A folder of two pictures, one of a name that is not UTF-8, a broken one, and a Mac's shadow."""
    folder = place / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rows = Image.fromarray(gradient(64, 64))
    rows.save(folder / "a[/b].png".replace("/", "\u2215"))
    rows.rotate(90).save(os.fsencode(folder / BAD_NAME), "PNG")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    return folder


def test_rd_curve_keeps_what_it_can_measure_and_names_the_rest(place: Path) -> None:
    folder = pictures(place)
    line = [
        "rd-curve",
        folder.name,
        "--model",
        "tiny",
        "-q",
        "4",
        "--anchors",
        "",
        "--out",
        "curve",
    ]
    done = vqzip(*line, place=place)
    assert done.returncode == 1
    *_, last = done.stderr.decode().splitlines()
    assert last.startswith("vqzip: broken.jpg is not in the results: ")
    assert b"._a" not in done.stderr
    results = json.loads((place / "curve" / "results.json").read_text(encoding="utf-8"))
    text = json.dumps(results, ensure_ascii=False)
    assert "caf\\\\xe9.png" in text
    assert "a[\u2215b].png" in text
    for file in (place / "curve").glob("*.[cm][sd]*"):
        file.read_text(encoding="utf-8")


def test_a_replaced_file_keeps_its_mode_and_may_keep_times(place: Path) -> None:
    target = place / "private.vqz"
    target.write_bytes(b"old")
    target.chmod(0o600)
    os.utime(place / "in.png", (1_000_000_000, 1_100_000_000))
    line = ["encode", "in.png", "-o", target.name, "--model", "tiny", "--force"]
    assert vqzip(*line, place=place).returncode == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_mtime > 1_700_000_000
    assert vqzip(*line, "--keep-times", place=place).returncode == 0
    assert target.stat().st_mtime == 1_100_000_000


def test_a_fifo_that_nobody_writes_to_is_waited_for(place: Path) -> None:
    fifo = place / "slow"
    os.mkfifo(fifo)
    data = (place / "in.png").read_bytes()

    def write() -> None:
        with fifo.open("wb") as file:
            file.write(data[:100])
            file.flush()
            threading.Event().wait(1)
            file.write(data[100:])

    thread = threading.Thread(target=write)
    thread.start()
    done = vqzip("encode", fifo.name, "-o", "slow.vqz", "--model", "tiny", place=place)
    thread.join()
    assert done.returncode == 0, done.stderr
