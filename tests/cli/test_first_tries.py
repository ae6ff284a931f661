"""What people try first, and what once went wrong there: a test for each."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from rich.console import Console

from tests.cli.test_folders import save_picture
from vqzip.cli import console
from vqzip.cli.app import COMMANDS, application, run
from vqzip.cli.options import parse_count
from vqzip.codec.codec import Codec
from vqzip.threads import thread_count

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_picture(tmp_path / "DCIM" / "photo.png", 3)
    return tmp_path / "DCIM" / "photo.png"


@pytest.fixture
def model(tiny_model: Path) -> list[str]:
    return ["--model", str(tiny_model)]


def test_an_output_folder_that_is_missing_is_created(
    photo: Path, tmp_path: Path, model: list[str]
) -> None:
    assert run(["encode", str(photo), "-o", f"{tmp_path}/new/folder/", *model]) == 0
    assert (tmp_path / "new" / "folder" / "photo.vqz").is_file()
    vqz = str(tmp_path / "new" / "folder" / "photo.vqz")
    assert run(["decode", vqz, "-o", f"{tmp_path}/back/", "--format", "jpg", *model]) == 0
    assert (tmp_path / "back" / "photo.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["x.jpg", "x.HEIC", "x.webp"])
def test_a_vqz_file_never_gets_a_pictures_name(
    photo: Path, tmp_path: Path, model: list[str], capsys: Capture, name: str
) -> None:
    precious = tmp_path / name
    precious.write_bytes(b"a photograph")
    assert run(["encode", str(photo), "-o", str(precious), "--force", *model]) == 2
    assert "is a name for a picture" in capsys.readouterr().err
    assert precious.read_bytes() == b"a photograph"


def test_a_folder_without_recursive_says_what_to_do(photo: Path, capsys: Capture) -> None:
    assert run(["encode", str(photo.parent)]) == 2
    assert capsys.readouterr().err == (
        f"vqzip: {photo.parent} is a folder; add --recursive (-r) to work on all pictures in it.\n"
    )


def test_encoding_a_vqz_file_and_decoding_a_picture(
    photo: Path, tmp_path: Path, model: list[str], tiny_model: Path, capsys: Capture
) -> None:
    out = str(tmp_path / "out.vqz")
    assert run(["encode", str(tiny_model / "rgb.vqz"), "-o", out, *model]) == 1
    assert "rgb.vqz is a .vqz file already; `vqzip decode`" in capsys.readouterr().err
    assert run(["decode", str(photo), "-o", str(tmp_path / "out.png"), *model]) == 1
    assert "photo.png is not a .vqz file; `vqzip encode`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "number"),
    [("5000", 5000), ("30k", 30000), ("30kB", 30000), ("1.5M", 1500000), ("64KiB", 65536), ("2 G", 2 * 10**9)],
)  # fmt: skip
def test_sizes_with_units(text: str, number: int) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize("text", ["", "k", "0", "-5", "30q", "1e5", "ten"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="30k"):
        parse_count(text)


def test_max_bytes_takes_units(photo: Path, model: list[str]) -> None:
    assert run(["encode", str(photo), "--max-bytes", "0.4k", *model]) == 0
    assert photo.with_suffix(".vqz").stat().st_size <= 400


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_h_is_help(command: str, capsys: Capture) -> None:
    assert run([*command.split(), "-h"]) == 0
    assert "Usage: vqzip" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_shows_a_type(command: str, capsys: Capture) -> None:
    assert run([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "<bool>" not in text
    assert "<list[Path]>" not in text


def test_quiet_prints_errors_only(photo: Path, model: list[str], capsys: Capture) -> None:
    assert run(["encode", str(photo), "--quiet", *model]) == 0
    assert capsys.readouterr().err == ""
    assert run(["encode", str(photo), "--quiet", *model]) == 1
    assert "already exists" in capsys.readouterr().err


def test_threads_limits_the_threads_of_the_codec(
    photo: Path, model: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    encode_picture = Codec.encode_picture

    def counting(self: Codec, *given: object, **named: object) -> object:
        seen.append(thread_count())
        return encode_picture(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Codec, "encode_picture", counting)
    monkeypatch.setenv("VQZIP_THREADS", "8")
    assert run(["encode", str(photo), "--threads", "3", *model]) == 0
    assert run(["encode", str(photo.parent), "-r", "--force", "--jobs", "4", *model]) == 0
    save_picture(photo.with_name("second.png"), 4)
    assert run(["encode", str(photo.parent), "-r", "--force", "--jobs", "2", *model]) == 0
    # One file takes all threads; two at once share them.
    assert seen == [3, 8, 4, 4]
    assert thread_count() == 8


def test_output_quality_is_chosen_and_said(
    tiny_model: Path, tmp_path: Path, model: list[str], capsys: Capture
) -> None:
    vqz = str(tiny_model / "rgb.vqz")
    said = {}
    for name, options in (
        ("a.png", []), ("a.jpg", []), ("a.webp", []), ("b.jpg", ["--output-quality", "30"]),
        ("b.webp", ["--output-quality", "30"]),
    ):  # fmt: skip
        assert run(["decode", vqz, "-o", str(tmp_path / name), *options, *model]) == 0
        said[name] = capsys.readouterr().err.split(", ")[1]
    assert said == {
        "a.png": "PNG",
        "a.jpg": "JPEG quality 95",
        "a.webp": "WEBP lossless",
        "b.jpg": "JPEG quality 30",
        "b.webp": "WEBP quality 30",
    }
    for suffix in ("jpg", "webp"):
        small, large = (tmp_path / f"{name}.{suffix}" for name in "ba")
        assert small.stat().st_size < large.stat().st_size
    assert run(["decode", vqz, "-o", str(tmp_path / "c.png"), "--output-quality", "9", *model]) == 2
    assert "PNG has no --output-quality" in capsys.readouterr().err


def test_efforts_that_do_not_work_with_targets_say_so(
    photo: Path, model: list[str], capsys: Capture
) -> None:
    assert run(["encode", str(photo), "--psnr", "30", "--effort", "3", *model]) == 2
    assert "efforts 0 and 1 only" in capsys.readouterr().err


def test_a_size_that_the_model_cannot_fill_is_said(
    photo: Path, model: list[str], capsys: Capture
) -> None:
    assert run(["encode", str(photo), "--max-bytes", "5M", *model]) == 0
    assert "the size allows 5000000 bytes, but the best file" in capsys.readouterr().err


def test_a_psnr_below_every_quality_is_said(photo: Path, model: list[str], capsys: Capture) -> None:
    assert run(["encode", str(photo), "--psnr", "3", *model]) == 0
    assert "3.00 dB was asked for, but even the smallest file" in capsys.readouterr().err


def test_black_and_white_pictures_are_coded_as_gray(tmp_path: Path, model: list[str]) -> None:
    dots = np.random.default_rng(0).integers(0, 2, (40, 40)) > 0
    Image.fromarray(dots).save(tmp_path / "one.png")
    Image.fromarray(np.where(dots, 255, 0).astype(np.uint8)).save(tmp_path / "gray.png")
    for name in ("one", "gray"):
        assert run(["encode", str(tmp_path / f"{name}.png"), *model]) == 0
    assert (tmp_path / "one.vqz").read_bytes() == (tmp_path / "gray.vqz").read_bytes()


def test_named_qualities(photo: Path, tmp_path: Path, model: list[str], capsys: Capture) -> None:
    assert run(["encode", str(photo), "-q", "good", *model]) == 0
    assert "quality 6, " in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--psnr", "27"], ["--max-bytes", "300"], ["-q", "4"]])
def test_long_work_shows_percent_and_seconds(
    photo: Path, model: list[str], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, shares = Terminal(), []
    monkeypatch.setattr(console, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(
        console,
        "stderr_console",
        lambda: Console(file=screen, force_terminal=True, width=80, color_system=None),
    )
    with console.waiting("encoding") as progress:
        from vqzip.batch.encoding import PictureEncoder
        from vqzip.batch.names import Task
        from vqzip.batch.settings import EncodeSettings
        from vqzip.codec.codec import load

        def both(share: float) -> None:
            shares.append(share)
            progress(share)

        goal = {"--psnr": "psnr", "--max-bytes": "max_bytes", "-q": "quality"}[options[0]]
        value = int(options[1]) if goal == "max_bytes" else float(options[1])
        settings = EncodeSettings(**{goal: value})  # type: ignore[arg-type]
        PictureEncoder(load(model[1]), settings)(Task(photo, photo.with_suffix(".vqz")), both)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] <= 1
    assert f"{100 * shares[-1]:.0f}%" in screen.getvalue()
    assert "0:00:0" in screen.getvalue()


def test_completion_is_there(capsys: Capture) -> None:
    group = typer.main.get_command(application())
    names = [name for parameter in group.params for name in parameter.opts]
    assert {"--install-completion", "--show-completion"} <= set(names)
