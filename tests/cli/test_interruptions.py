"""Full disks, folders that cannot be written to, signals, races: nothing half-written is left.

Signals go to real processes. Such a process stops when what it wrote is about to take its name, says
so, and waits for a line; so it is known where it is, and no test has to guess how long to sleep.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqzip.cli.app import run
from vqzip.codec.codec import Codec
from vqzip.codes import Codes

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300
HELD = """
import os, signal, sys
from vqzip.cli.app import main
# Tests that run in the background ignore Ctrl-C, and their processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
to_disk = os.fsync
def hold(number):
    to_disk(number)
    print("held", flush=True)
    sys.stdin.readline()
os.fsync = hold
main()
"""
LIMITED = """
import resource, sys
from vqzip.cli.app import main
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
main()
"""
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A small picture that does not compress well, alone in its folder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(5).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    return folder / "a.png"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for what is written."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)],  # noqa: S607
        stderr=subprocess.DEVNULL,
    )
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.check_call(["umount", str(folder)])  # noqa: S607


def encode(picture: Path, output: Path, model: Path, *options: str) -> list[str]:
    return ["encode", str(picture), "-o", str(output), "--model", str(model), *options]


def decode(model: Path, output: Path, *options: str) -> list[str]:
    source = model / "rgb.vqz"
    return ["decode", str(source), "-o", str(output), "--model", str(model), *options]


def start(script: str, arguments: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
    )  # fmt: skip


def wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    # Before it come the tables of a command that prints some.
    if "held\n" not in process.stdout:
        pytest.fail(process.communicate(timeout=PATIENCE_SECONDS)[1])


def assert_one_sentence(error: str, *words: str) -> None:
    assert error.startswith("vqzip: "), error
    assert error.count("\n") == 1, error
    assert "unexpected" not in error
    for word in words:
        assert word in error


def stopping(error: BaseException) -> Callable[[int], None]:
    def stop(_: int) -> None:
        raise error

    return stop


@pytest.mark.parametrize("name", ["encode", "decode", "sample", "rd-curve"])
@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_what_ends_the_writing_leaves_nothing(
    picture: Path, out: Path, tiny_model: Path, monkeypatch: Patch, capsys: Capture,
    name: str, stop: BaseException,
) -> None:  # fmt: skip
    before = picture.read_bytes()
    commands = {
        "encode": encode(picture, out / "a.vqz", tiny_model),
        "decode": decode(tiny_model, out / "a.png"),
        "sample": ["sample", "--model", str(tiny_model), "-o", str(out / "s.png"), "--size", "8"],
        "rd-curve": [
            "rd-curve", str(picture.parent), "--model", str(tiny_model), "--out", str(out),
            "-q", "4", "--anchors", "",
        ],
    }  # fmt: skip
    monkeypatch.setattr(os, "fsync", stopping(stop))
    assert run(commands[name]) == (130 if isinstance(stop, KeyboardInterrupt) else 1)
    assert list(out.iterdir()) == []
    assert picture.read_bytes() == before
    if isinstance(stop, OSError):
        assert_one_sentence(capsys.readouterr().err.replace("\r", ""), "o space left")


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing(
    picture: Path, out: Path, tiny_model: Path, number: signal.Signals, status: int
) -> None:
    process = start(HELD, encode(picture, out / "a.vqz", tiny_model))
    wait_until_held(process)
    assert len(list(out.iterdir())) == 1
    process.send_signal(number)
    assert process.communicate(timeout=PATIENCE_SECONDS)[1] == ""
    assert process.returncode == status
    assert list(out.iterdir()) == []
    assert picture.is_file()


@posix
@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["decode", "rd-curve", "train"])
def test_a_signal_leaves_what_was_there(
    picture: Path, out: Path, tiny_model: Path, name: str, number: signal.Signals, status: int
) -> None:
    old = out / {"decode": "a.png", "rd-curve": "results.json", "train": "arguments.json"}[name]
    old.write_text("{}")
    commands = {
        "decode": decode(tiny_model, old, "--force"),
        "rd-curve": [
            "rd-curve", str(picture.parent), "--model", str(tiny_model), "--out", str(out),
            "-q", "4", "--anchors", "", "--force",
        ],
        "train": ["train", "photo-psnr", "--data", str(ROOT / "tests/data"), "--out", str(out)],
    }  # fmt: skip
    process = start(HELD, commands[name])
    wait_until_held(process)
    assert len(list(out.iterdir())) == 2
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == status
    assert list(out.iterdir()) == [old]
    assert old.read_text() == "{}"


@posix
@pytest.mark.parametrize("force", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_two_processes_write_one_output(
    picture: Path, out: Path, tiny_model: Path, force: bool
) -> None:
    alone = out / "alone.vqz"
    assert run(encode(picture, alone, tiny_model)) == 0
    whole = alone.read_bytes()
    alone.unlink()
    arguments = encode(picture, out / "a.vqz", tiny_model, *["--force"] * force)
    both = [start(HELD, arguments) for _ in range(2)]
    for process in both:
        wait_until_held(process)
    assert len(list(out.iterdir())) == 2
    errors = [process.communicate("go\n", timeout=PATIENCE_SECONDS)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 0 if force else 1]
    for process, error in zip(both, errors, strict=True):
        if process.returncode:
            assert_one_sentence(error, "already exists")
    assert list(out.iterdir()) == [out / "a.vqz"]
    assert (out / "a.vqz").read_bytes() == whole


@posix
@pytest.mark.slow
@pytest.mark.parametrize("name", ["encode", "decode", "rd-curve", "train"])
def test_a_limit_of_file_sizes(picture: Path, out: Path, tiny_model: Path, name: str) -> None:
    commands = {
        "encode": encode(picture, out / "a.vqz", tiny_model, "-q", "8"),
        "decode": decode(tiny_model, out / "a.bmp"),
        "rd-curve": [
            "rd-curve", str(picture.parent), "--model", str(tiny_model), "--out", str(out),
            "-q", "4", "--anchors", "",
        ],
        "train": ["train", "photo-psnr", "--data", str(ROOT / "tests/data"), "--out", str(out)],
    }  # fmt: skip
    process = start(LIMITED, ["10", *commands[name]])
    error = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert process.returncode == 1
    assert_one_sentence(error, "ile too large")
    assert list(out.iterdir()) == []


def test_a_full_disk(small_disk: Path, tiny_model: Path, capsys: Capture) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(8192))
    assert run(decode(tiny_model, small_disk / "a.bmp")) == 1
    assert_one_sentence(capsys.readouterr().err, "No space left on device")
    assert list(small_disk.iterdir()) == [filler]


@posix
def test_a_folder_that_is_read_only(
    picture: Path, out: Path, tiny_model: Path, capsys: Capture
) -> None:
    out.chmod(0o500)
    if os.access(out, os.W_OK):
        pytest.skip("root may write anywhere")
    assert run(encode(picture, out / "a.vqz", tiny_model)) == 1
    assert_one_sentence(capsys.readouterr().err, "cannot be written to")
    assert list(out.iterdir()) == []


def test_a_file_system_that_is_read_only(
    small_disk: Path, picture: Path, tiny_model: Path, capsys: Capture
) -> None:
    """The same for root, whom permissions do not stop."""
    subprocess.check_call(["mount", "-o", "remount,ro", str(small_disk)])  # noqa: S607
    assert run(encode(picture, small_disk / "a.vqz", tiny_model)) == 1
    assert_one_sentence(capsys.readouterr().err, "cannot be written")


def test_an_output_that_is_a_folder_gets_the_file(
    picture: Path, out: Path, tiny_model: Path
) -> None:
    for arguments in (encode(picture, out, tiny_model), decode(tiny_model, out)):
        assert run(arguments) == 0
    assert sorted(file.name for file in out.iterdir()) == ["a.vqz", "rgb.png"]


@pytest.mark.parametrize("force", [False, True])
def test_an_output_that_is_the_input(
    picture: Path, out: Path, tiny_model: Path, capsys: Capture, force: bool
) -> None:
    before = picture.read_bytes()
    link, second_name = out / "link.png", out / "second.png"
    link.symlink_to(picture)
    os.link(picture, second_name)
    for output in (picture, link, second_name, picture.parent / ".." / "pictures" / "a.png"):
        assert run(encode(picture, output, tiny_model, *["--force"] * force)) == 2
        assert_one_sentence(capsys.readouterr().err, "is the input")
    assert picture.read_bytes() == before
    arguments = ["rd-curve", str(picture.parent), "--out", str(picture.parent)]
    assert run([*arguments, *["--force"] * force]) == 2
    assert_one_sentence(capsys.readouterr().err, "holds the pictures")


def test_an_input_that_is_removed_meanwhile(
    picture: Path, out: Path, tiny_model: Path, monkeypatch: Patch, capsys: Capture
) -> None:
    """Encoding has read it by then; the next of a curve is missed and named, the others are kept."""
    encode_picture = Codec.encode_picture

    def encode_and_remove(self: Codec, *given: object, **named: object) -> object:
        for file in picture.parent.iterdir():
            file.unlink()
        return encode_picture(self, *given, **named)  # type: ignore[arg-type]

    shutil.copy(picture, picture.with_name("b.png"))
    monkeypatch.setattr(Codec, "encode_picture", encode_and_remove)
    curve = ["rd-curve", str(picture.parent), "--model", str(tiny_model), "--out", str(out)]
    kept = picture.read_bytes()
    assert run([*curve, "-q", "4", "--anchors", ""]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert_one_sentence(f"{last}\n", "b.png is not in the results")
    results = json.loads((out / "results.json").read_text())
    assert "b.png" not in json.dumps(results)
    assert picture.name in json.dumps(results)
    shutil.rmtree(out)
    out.mkdir()
    picture.write_bytes(kept)
    assert run(encode(picture, out / "a.vqz", tiny_model)) == 0
    assert [file.name for file in out.iterdir()] == ["a.vqz"]
    assert run(decode(tiny_model, out / "a.png")) == 0


def test_verify_keeps_no_file_of_a_broken_encoder(
    picture: Path, out: Path, tiny_model: Path, monkeypatch: Patch, capsys: Capture
) -> None:
    decode_codes = Codec.decode_codes

    def other_codes(self: Codec, data: bytes, **limits: int) -> Codes:
        codes = decode_codes(self, data, **limits)
        codes.levels[-1].flat[-1] += 1
        return codes

    monkeypatch.setattr(Codec, "decode_codes", other_codes)
    assert run(encode(picture, out / "a.vqz", tiny_model, "--verify")) == 1
    assert_one_sentence(capsys.readouterr().err, "does not decode to its own codes")
    assert list(out.iterdir()) == []
    assert run(encode(picture, out / "a.vqz", tiny_model, "--no-verify")) == 0


def test_verify_reads_what_is_on_the_disk(
    picture: Path, out: Path, tiny_model: Path, monkeypatch: Patch, capsys: Capture
) -> None:
    read_bytes = Path.read_bytes

    def damaged(self: Path) -> bytes:
        data = bytearray(read_bytes(self))
        if self.parent == out:
            data[len(data) // 2] ^= 1
        return bytes(data)

    monkeypatch.setattr(Path, "read_bytes", damaged)
    assert run(encode(picture, out / "a.vqz", tiny_model, "--verify")) == 1
    assert_one_sentence(capsys.readouterr().err, "does not decode to its own codes")
    assert list(out.iterdir()) == []


@posix
@pytest.mark.parametrize("name", ["models", pytest.param("decode", marks=pytest.mark.slow)])
def test_a_reader_that_has_enough(tiny_model: Path, name: str) -> None:
    """Nobody reads the picture, or the list of models: no traceback, no line."""
    arguments = ["models"] if name == "models" else decode(tiny_model, Path("-"))
    process = start("from vqzip.cli.app import main; main()", arguments)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    error = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert (process.returncode, error) == (1, "")
