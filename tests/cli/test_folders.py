"""Folders, several inputs, and what is said of them: encode, decode and info with the tiny model."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vqzip.cli.app import run
from vqzip.codec.codec import Codec
from vqzip.files import is_unfinished

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300


def save_picture(path: Path, seed: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[0:24, 0:40]
    noise = np.random.default_rng(seed).integers(0, 30, (24, 40, 3))
    pixels = (np.stack([rows * 4, columns * 3, rows + columns], -1) + noise).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures, two of one stem, in odd folders; a broken one; two other files."""
    photos = tmp_path / "photos"
    for seed, name in enumerate(["a.jpg", "a.png", "day 1/\u00fc.JPG", "day2/[red]x.tif", "z.png"]):
        save_picture(photos / name, seed)
    (photos / "day2" / "broken.jpg").write_bytes(b"no picture")
    (photos / "notes.txt").write_text("hello")
    (photos / "day 1" / "clip.mov").write_bytes(b"film")
    return photos


@pytest.fixture
def model(tiny_model: Path) -> list[str]:
    return ["--model", str(tiny_model)]


def files_in(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


ENCODED = ["a.jpg.vqz", "a.png.vqz", "day 1/\u00fc.vqz", "day2/[red]x.vqz", "z.vqz"]


def test_a_tree_is_mirrored_and_a_bad_picture_is_named_at_the_end(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert run(["encode", str(photos), "-o", str(out), "-r", *model]) == 1
    assert files_in(out) == ENCODED
    clash, summary, last = capsys.readouterr().err.splitlines()
    assert clash.startswith(f"vqzip: more than one file for {out / 'a.vqz'}: ")
    assert summary.startswith("5 pictures encoded: ")
    assert summary.endswith(", 1 failed, 2 other files left alone")
    assert last.startswith(f"vqzip: {photos / 'day2' / 'broken.jpg'} is damaged")


def test_and_comes_back(photos: Path, tmp_path: Path, model: list[str], capsys: Capture) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    run(["encode", str(photos), "-o", str(out), "-r", "--copy-others", *model])
    assert files_in(out) == sorted([*ENCODED, "day 1/clip.mov", "notes.txt"])
    assert run(["decode", str(out), "-o", str(back), "-r", "--copy-others", *model]) == 0
    expected = [name.removesuffix(".vqz") + ".png" for name in ENCODED]
    assert files_in(back) == sorted([*expected, "day 1/clip.mov", "notes.txt"])
    assert "5 files decoded: " in capsys.readouterr().err
    with Image.open(back / "day 1" / "\u00fc.png") as image:
        assert image.size == (40, 24)


def test_files_are_those_of_single_calls(photos: Path, tmp_path: Path, model: list[str]) -> None:
    out = tmp_path / "out"
    run(["encode", str(photos), "-o", str(out), "-r", "--jobs", "3", *model])
    for name, source in (("z.vqz", "z.png"), ("a.jpg.vqz", "a.jpg")):
        alone = tmp_path / name
        assert run(["encode", str(photos / source), "-o", str(alone), *model]) == 0
        assert alone.read_bytes() == (out / name).read_bytes()


def test_existing_outputs_stop_the_call_or_are_skipped(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    out = tmp_path / "out"
    arguments = ["encode", str(photos), "-o", str(out), "-r", *model]
    run(arguments)
    (out / "z.vqz").unlink()
    kept = (out / "a.jpg.vqz").stat()
    capsys.readouterr()
    assert run(arguments) == 1
    assert "4 of 6 outputs already exist" in capsys.readouterr().err
    assert not (out / "z.vqz").exists()
    assert run([*arguments, "--skip-existing", "--json"]) == 1
    captured = capsys.readouterr()
    assert [line["status"] for line in json_lines(captured.out)] == [
        *["skipped"] * 4, "failed", "done",
    ]  # fmt: skip
    assert "1 pictures encoded" in captured.err
    assert (out / "a.jpg.vqz").stat().st_mtime_ns == kept.st_mtime_ns


def test_several_pictures_without_an_output_stand_beside_their_inputs(
    photos: Path, model: list[str]
) -> None:
    assert run(["encode", str(photos / "a.jpg"), str(photos / "z.png"), *model]) == 0
    assert (photos / "a.vqz").is_file()
    assert (photos / "z.vqz").is_file()


def test_json_has_a_line_for_each_file(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert run(["encode", str(photos), "-o", str(out), "-r", "--json", "--quiet", *model]) == 1
    captured = capsys.readouterr()
    lines = json_lines(captured.out)
    assert captured.err.count("\n") == 1
    assert [Path(line["source"]).name for line in lines] == [
        "a.jpg", "a.png", "\u00fc.JPG", "[red]x.tif", "broken.jpg", "z.png",
    ]  # fmt: skip
    (failed,) = (line for line in lines if line["status"] == "failed")
    assert "is damaged" in failed["error"]
    for line in lines:
        if line["status"] == "done":
            size = Path(line["output"]).stat().st_size
            assert (line["bytes_out"], line["width"], line["quality"]) == (size, 40, 6)
            assert line["rate_bpp"] == pytest.approx(8 * size / (40 * 24), abs=1e-4)


def test_json_of_one_file(photos: Path, tmp_path: Path, model: list[str], capsys: Capture) -> None:
    out = tmp_path / "z.vqz"
    assert run(["encode", str(photos / "z.png"), "-o", str(out), "--json", *model]) == 0
    (line,) = json_lines(capsys.readouterr().out)
    assert (line["output"], line["status"]) == (str(out), "done")


def test_fail_fast_stops_and_says_what_was_not_tried(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    (photos / "Broken.jpg").write_bytes(b"no picture")
    arguments = ["encode", str(photos), "-o", str(tmp_path / "out"), "-r", "--jobs", "1"]
    assert run([*arguments, "--fail-fast", *model]) == 1
    assert "1 failed, 6 not tried" in capsys.readouterr().err


def test_dry_run_writes_nothing(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    before = files_in(tmp_path)
    out = tmp_path / "out"
    assert run(["encode", str(photos), "-o", str(out), "-r", "--dry-run", *model]) == 0
    captured = capsys.readouterr()
    assert f"{photos / 'z.png'} -> {out / 'z.vqz'}\n" in captured.out
    assert "6 files to write" in captured.err
    assert run(["encode", str(photos / "z.png"), "-o", f"{out}/", "--dry-run", *model]) == 0
    assert capsys.readouterr().out == f"{photos / 'z.png'} -> {out / 'z.vqz'}\n"
    assert files_in(tmp_path) == before
    assert not out.exists()


def test_times_are_kept(photos: Path, tmp_path: Path, model: list[str]) -> None:
    os.utime(photos / "z.png", (1_000_000_000, 1_100_000_000))
    out = tmp_path / "out"
    run(["encode", str(photos), "-o", str(out), "-r", "--keep-times", *model])
    assert (out / "z.vqz").stat().st_mtime == 1_100_000_000


def test_the_output_folder_may_lie_in_the_input_folder(photos: Path, model: list[str]) -> None:
    (photos / "day2" / "broken.jpg").unlink()
    arguments = ["encode", str(photos), "-o", str(photos / "out"), "-r", "--copy-others", *model]
    assert run(arguments) == 0
    count = len(files_in(photos / "out"))
    assert run([*arguments, "--force"]) == 0
    assert len(files_in(photos / "out")) == count


def test_losses_are_said_once_for_all_pictures(
    tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    for number in range(3):
        save_picture(tmp_path / "print" / f"{number}.jpg", number, "CMYK")
    out = tmp_path / "out"
    assert run(["encode", str(tmp_path / "print"), "-o", str(out), "-r", *model]) == 0
    _, warning = capsys.readouterr().err.splitlines()
    first = tmp_path / "print" / "0.jpg"
    assert warning == (
        f"vqzip: warning: 3 files, such as {first}, have CMYK colors, which a .vqz file does not keep."
    )


def test_info_of_several_files(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    out = tmp_path / "out"
    run(["encode", str(photos), "-o", str(out), "-r", *model])
    (out / "bad.vqz").write_bytes(b"no vqz file")
    capsys.readouterr()
    assert run(["info", str(out), "-r"]) == 1
    captured = capsys.readouterr()
    assert "day 1/\u00fc.vqz" in captured.out
    assert captured.out.count("40 x 24") == 5
    assert captured.err.startswith(f"vqzip: {out / 'bad.vqz'}")
    assert run(["info", str(out / "z.vqz"), str(out / "a.jpg.vqz"), "--json"]) == 0
    lines = json_lines(capsys.readouterr().out)
    assert [Path(line["file"]).name for line in lines] == ["z.vqz", "a.jpg.vqz"]
    assert all(line["file_bytes"] == Path(line["file"]).stat().st_size for line in lines)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["encode", "a.png", "b.png", "-o", "-"], "stdout takes one picture"),
        (["encode", "a.png", "-", "-o", "x"], "one picture from stdin"),
        (["encode", "a.png", "b.png", "-o", __file__], "is a file"),
        (["encode", "a.png", "--force", "--skip-existing"], "different things"),
        (["encode", "a.png", "--copy-others"], "needs a folder"),
        (["encode", "a.png", "-o", "-", "--json"], "--json"),
        (["encode", "a.png", "-o", "-", "--delete-source"], "--delete-source"),
        (["decode", "a.vqz", "-o", "a.png", "--format", "jpg"], "leave out --format"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], word: str, capsys: Capture) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert word in error
    assert error.count("\n") == 1


def test_progress_is_one_line_of_80_columns(
    photos: Path, tmp_path: Path, model: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    from vqzip.cli import files_display

    screen = io.StringIO()
    monkeypatch.setattr(
        files_display,
        "stderr_console",
        lambda: Console(file=screen, force_terminal=True, width=80, color_system=None),
    )
    assert run(["encode", str(photos), "-o", str(tmp_path / "out"), "-r", *model]) == 1
    lines = screen.getvalue().replace("\x1b[2K", "\r").replace("\n", "\r").split("\r")
    shown = [line for line in lines if "encoding" in line]
    assert any("encoding 6/6, 1 bad: " in line for line in shown)
    assert all(len(line) <= 80 and "left" in line for line in shown)


# Deleting sources


def test_delete_source_deletes_what_was_verified_and_keeps_the_rest(
    photos: Path, model: list[str], capsys: Capture
) -> None:
    save_picture(photos / "print.jpg", 9, "CMYK")
    assert run(["encode", str(photos), "-r", "--delete-source", *model]) == 1
    assert files_in(photos) == sorted(
        [*ENCODED, "print.vqz", "print.jpg", "notes.txt", "day 1/clip.mov", "day2/broken.jpg"]
    )
    assert run(["encode", str(photos / "print.jpg"), "--force", "--delete-source", *model]) == 0
    assert "source kept because the .vqz file lacks parts of it" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["holds", "decode_picture"])
def test_delete_source_keeps_the_source_of_a_file_that_does_not_decode(
    photos: Path, model: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture, broken: str
) -> None:
    decode_picture = Codec.decode_picture

    def smaller(self: Codec, data: bytes, **options: Any) -> object:
        return decode_picture(self, data, region=(0, 0, 8, 8), **options)

    monkeypatch.setattr(
        Codec, broken, smaller if broken == "decode_picture" else lambda *_, **__: False
    )
    assert run(["encode", str(photos / "z.png"), "--delete-source", *model]) == 1
    assert "does not decode to its own codes" in capsys.readouterr().err
    assert (photos / "z.png").exists()
    assert not (photos / "z.vqz").exists()


def test_delete_source_keeps_a_source_that_changed_meanwhile(
    photos: Path, model: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    encode_picture = Codec.encode_picture

    def changing(self: Codec, *given: Any, **named: Any) -> object:
        save_picture(photos / "z.png", 77)
        return encode_picture(self, *given, **named)

    monkeypatch.setattr(Codec, "encode_picture", changing)
    assert run(["encode", str(photos / "z.png"), "--delete-source", *model]) == 0
    assert "source kept because it changed meanwhile" in capsys.readouterr().err
    assert (photos / "z.png").exists()


# Interruptions

HELD = """
import os, signal, sys
from vqzip.cli.app import main
# A shell that starts the tests in the background passes on that it ignores this signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
to_disk, calls = os.fsync, []
def hold(number):
    calls.append(number)
    if len(calls) == 3:
        print("held", flush=True)
        sys.stdin.readline()
    to_disk(number)
os.fsync = hold
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_call_that_is_stopped_leaves_whole_files_and_is_continued(
    photos: Path, tmp_path: Path, model: list[str], capsys: Capture, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    arguments = ["encode", str(photos), "-o", str(out), "-r", "--jobs", "1", *model]
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "held\n" in process.stdout, process.communicate(timeout=PATIENCE_SECONDS)[1]
    process.send_signal(number)
    # Ctrl-C waits for the file that is being written; it can be finished.
    error = process.communicate("go\n", timeout=PATIENCE_SECONDS)[1]
    assert "Traceback" not in error
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    names = [Path(name) for name in files_in(out)]
    whole = [path for path in names if not is_unfinished(path)]
    assert len(whole) == (2 if number == signal.SIGKILL else 3)
    assert len(names) - len(whole) == (1 if number == signal.SIGKILL else 0)
    assert run([*arguments, "--skip-existing"]) == 1
    assert f"{5 - len(whole)} pictures encoded" in capsys.readouterr().err
    assert files_in(out) == ENCODED
    assert run(["decode", str(out), "-o", str(tmp_path / "back"), "-r", *model]) == 0
