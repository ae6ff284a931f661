"""Encode and decode from end to end with the tiny model, and everything they refuse."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vqzip.cli.app import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smooth 83 x 61 picture with some noise, as PNG."""
    rows, columns = np.mgrid[0:61, 0:83]
    noise = np.random.default_rng(0).integers(0, 20, (61, 83, 3))
    pixels = np.stack([rows * 3, columns * 2, rows + columns], -1) + noise
    path = tmp_path_factory.mktemp("pictures") / "picture.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def encoded(picture: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture as a .vqz file of the tiny model."""
    path = tmp_path_factory.mktemp("files") / "picture.vqz"
    assert run(["encode", str(picture), "-o", str(path), "--model", str(tiny_model)]) == 0
    return path


def pixels_of(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        return np.asarray(image, np.float64)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def assert_refused(arguments: list[str], capsys: Capture, *words: str, status: int = 1) -> None:
    """Check exit status and that stderr has one line that holds `words`."""
    capsys.readouterr()
    assert run(arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vqzip: ")
    assert captured.err.count("\n") == 1, captured.err
    assert "Traceback" not in captured.err
    assert "unexpected" not in captured.err
    for word in words:
        assert word in captured.err


def test_round_trip_beside_the_input(picture: Path, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "a picture.png"
    source.write_bytes(picture.read_bytes())
    assert run(["encode", str(source), "--model", str(tiny_model)]) == 0
    source.unlink()
    file = tmp_path / "a picture.vqz"
    assert file.is_file()
    assert run(["decode", str(file), "--model", str(tiny_model)]) == 0
    assert size_of(source) == (83, 61)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a picture.png", "a picture.vqz"]


def test_the_summary_says_what_was_made(
    picture: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "out.vqz"
    assert run(["encode", str(picture), "-o", str(file), "--model", str(tiny_model)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    bpp = 8 * file.stat().st_size / (83 * 61)
    assert captured.err.startswith(
        f"{file}: {file.stat().st_size} bytes, {bpp:.3f} bpp, quality 6, "
    )


def test_verify_writes_the_same_file(
    picture: Path, encoded: Path, tiny_model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "verified.vqz"
    arguments = ["encode", str(picture), "-o", str(file), "--model", str(tiny_model), "--verify"]
    assert run(arguments) == 0
    assert file.read_bytes() == encoded.read_bytes()


@pytest.mark.parametrize("name", ["out.png", "out.webp", "out.jpg", "out.tiff", "out.ppm"])
def test_decode_writes_the_format_of_the_name(
    encoded: Path, tiny_model: Path, tmp_path: Path, name: str
) -> None:
    assert (
        run(["decode", str(encoded), "-o", str(tmp_path / name), "--model", str(tiny_model)]) == 0
    )
    assert size_of(tmp_path / name) == (83, 61)


def test_a_region_is_that_part_of_the_picture(
    encoded: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole, part = tmp_path / "whole.png", tmp_path / "part.png"
    model = ["--model", str(tiny_model)]
    assert run(["decode", str(encoded), "-o", str(whole), *model]) == 0
    assert run(["decode", str(encoded), "-o", str(part), "--region", "10,20,30,17", *model]) == 0
    expected = pixels_of(whole)[20:37, 10:40]
    assert np.abs(pixels_of(part) - expected).max() <= 2


def test_fewer_levels_give_a_coarser_picture_of_the_same_size(
    encoded: Path, picture: Path, tiny_model: Path, tmp_path: Path
) -> None:
    errors = []
    original = pixels_of(picture)
    for options in (["--levels", "1"], []):
        preview = tmp_path / f"preview{len(options)}.png"
        arguments = ["decode", str(encoded), "-o", str(preview), "--model", str(tiny_model)]
        assert run([*arguments, *options]) == 0
        errors.append(float(np.mean((pixels_of(preview) - original) ** 2)))
    assert errors[0] > errors[1]


class Binary:
    """A stand-in for stdin or stdout with a binary buffer, as a pipe."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False

    def flush(self) -> None:
        """Do nothing."""

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())


def test_pipes(
    picture: Path,
    encoded: Path,
    tiny_model: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = ["--model", str(tiny_model)]

    def pipe(arguments: list[str], data: bytes) -> bytes:
        output = Binary()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", Binary(data))
            patch.setattr(sys, "stdout", output)
            assert run([*arguments, *model]) == 0
        return output.buffer.getvalue()

    file = pipe(["encode", "-"], picture.read_bytes())
    assert file == encoded.read_bytes()
    assert Image.open(io.BytesIO(pipe(["decode", "-"], file))).size == (83, 61)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("quality", ["2", "6.125"])
def test_max_bytes_is_kept(picture: Path, tiny_model: Path, tmp_path: Path, quality: str) -> None:
    file = tmp_path / "small.vqz"
    arguments = ["encode", str(picture), "-o", str(file), "--model", str(tiny_model)]
    assert run([*arguments, "-q", quality]) == 0
    limit = file.stat().st_size
    assert run([*arguments, "--max-bytes", str(limit), "--force"]) == 0
    assert file.stat().st_size <= limit


def test_bpp_is_max_bytes_by_another_name(
    picture: Path, encoded: Path, tiny_model: Path, tmp_path: Path
) -> None:
    files = [tmp_path / "bpp.vqz", tmp_path / "bytes.vqz"]
    limit = encoded.stat().st_size
    goals = (["--bpp", str((8 * limit + 4) / (83 * 61))], ["--max-bytes", str(limit)])
    for file, goal in zip(files, goals, strict=True):
        arguments = ["encode", str(picture), "-o", str(file), "--model", str(tiny_model)]
        assert run([*arguments, *goal]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_psnr_is_reached(picture: Path, tiny_model: Path, tmp_path: Path) -> None:
    file, decoded = tmp_path / "good.vqz", tmp_path / "good.png"
    model = ["--model", str(tiny_model)]
    assert run(["encode", str(picture), "-o", str(file), "--psnr", "28", *model]) == 0
    assert run(["decode", str(file), "-o", str(decoded), *model]) == 0
    difference = pixels_of(decoded) - pixels_of(picture)
    assert 10 * np.log10(255**2 / np.mean(difference**2)) >= 27.99


@pytest.mark.parametrize("goal", [["--max-bytes", "10"], ["--psnr", "90"]])
def test_a_goal_out_of_reach_is_refused(
    picture: Path, tiny_model: Path, tmp_path: Path, capsys: Capture, goal: list[str]
) -> None:
    file = tmp_path / "out.vqz"
    arguments = ["encode", str(picture), "-o", str(file), "--model", str(tiny_model), *goal]
    assert_refused(arguments, capsys)
    assert not any(tmp_path.iterdir())


def test_strip_leaves_out_exif_and_profile(picture: Path, tiny_model: Path, tmp_path: Path) -> None:
    from PIL import ImageCms

    source = tmp_path / "source.png"
    exif = Image.Exif()
    exif[0x010E] = "a description"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels_of(picture).astype(np.uint8)).save(
        source, exif=exif, icc_profile=profile
    )
    kept: list[tuple[bool, bool]] = []
    for options in ([], ["--strip"]):
        file, decoded = tmp_path / "f.vqz", tmp_path / "f.png"
        common = ["--model", str(tiny_model), "--force"]
        assert run(["encode", str(source), "-o", str(file), *options, *common]) == 0
        assert run(["decode", str(file), "-o", str(decoded), *common]) == 0
        with Image.open(decoded) as image:
            described = image.getexif().get(0x010E) == "a description"
            kept.append((described, "icc_profile" in image.info))
    assert kept == [(True, True), (False, False)]


# Overwriting


def test_nothing_is_replaced_without_force(
    picture: Path, encoded: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    model = ["--model", str(tiny_model)]
    for command, source in (("encode", picture), ("decode", encoded)):
        output = tmp_path / ("out.vqz" if command == "encode" else "out.png")
        output.write_bytes(b"precious")
        arguments = [command, str(source), "-o", str(output), *model]
        assert_refused(arguments, capsys, "--force")
        assert output.read_bytes() == b"precious"
        assert run([*arguments, "--force"]) == 0
        assert output.read_bytes() != b"precious"


def test_the_input_is_never_replaced(picture: Path, tiny_model: Path, capsys: Capture) -> None:
    before = picture.read_bytes()
    arguments = ["encode", str(picture), "-o", str(picture), "--force", "--model", str(tiny_model)]
    assert_refused(arguments, capsys, "is the input", status=2)
    assert picture.read_bytes() == before


# Bad input


@pytest.mark.parametrize(
    "content", [b"", b"not a picture at all", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]
)
def test_a_file_that_is_no_picture(
    tiny_model: Path, tmp_path: Path, capsys: Capture, content: bytes
) -> None:
    source = tmp_path / "alien.png"
    source.write_bytes(content)
    assert_refused(["encode", str(source), "--model", str(tiny_model)], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["alien.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_that_is_cut_off(
    picture: Path, tiny_model: Path, tmp_path: Path, capsys: Capture, suffix: str
) -> None:
    source = tmp_path / f"cut.{suffix}"
    Image.fromarray(pixels_of(picture).astype(np.uint8)).save(source)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert_refused(["encode", str(source), "--model", str(tiny_model)], capsys)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_picture_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    assert_refused(["encode", str(tmp_path / "no.png")], capsys, "no.png")
    assert_refused(["decode", str(tmp_path / "no.vqz")], capsys, "no.vqz")
    assert_refused(["info", str(tmp_path / "no.vqz")], capsys, "no.vqz")


def test_a_folder_is_no_picture(tmp_path: Path, capsys: Capture) -> None:
    assert_refused(["encode", str(tmp_path)], capsys, "is a folder", "--recursive", status=2)
    assert_refused(["info", str(tmp_path)], capsys, status=2)


def test_a_picture_with_too_many_pixels(
    picture: Path, encoded: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    options = ["--model", str(tiny_model), "--max-pixels", "5000", "-o"]
    assert_refused(
        ["encode", str(picture), *options, str(tmp_path / "out.vqz")], capsys, "--max-pixels"
    )
    assert_refused(
        ["decode", str(encoded), *options, str(tmp_path / "out.ppm")], capsys, "--max-pixels"
    )


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip_header(data: bytes) -> bytes:
    return data[:8] + bytes([data[8] ^ 1]) + data[9:]


def flip_last_code(data: bytes) -> bytes:
    return data[:-10] + bytes([data[-10] ^ 0x40]) + data[-9:]


def newer_version(data: bytes) -> bytes:
    return data[:4] + b"\x7f" + data[5:]


def alien(data: bytes) -> bytes:
    return b"RIFF" + data[4:]


@pytest.mark.parametrize("damage", [cut, flip_header, flip_last_code, newer_version, alien])
def test_a_damaged_vqz(
    encoded: Path, tiny_model: Path, tmp_path: Path, capsys: Capture, damage: Any
) -> None:
    file = tmp_path / "damaged.vqz"
    file.write_bytes(damage(encoded.read_bytes()))
    assert_refused(["decode", str(file), "--model", str(tiny_model)], capsys)
    assert_refused(["info", str(file)], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.vqz"]


def test_partial_draws_what_is_there(encoded: Path, tiny_model: Path, tmp_path: Path) -> None:
    file, drawn = tmp_path / "cut.vqz", tmp_path / "cut.png"
    file.write_bytes(encoded.read_bytes()[:-60])
    arguments = ["decode", str(file), "-o", str(drawn), "--model", str(tiny_model), "--partial"]
    assert run(arguments) == 0
    assert size_of(drawn) == (83, 61)


def test_a_model_that_is_not_here(
    picture: Path, encoded: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = str(tmp_path / "out.png")
    assert_refused(["decode", str(encoded), "-o", output], capsys, "model")
    assert_refused(["decode", str(encoded), "-o", output, "--model", "nobody"], capsys, "nobody")
    assert_refused(["encode", str(picture), "--model", "nobody"], capsys, "nobody")
    assert not any(tmp_path.iterdir())


def test_a_device_that_is_not_there(picture: Path, tiny_model: Path, capsys: Capture) -> None:
    arguments = ["encode", str(picture), "--model", str(tiny_model), "--device", "cuda:9"]
    assert_refused(arguments, capsys, "cuda:9")
    assert_refused([*arguments[:-1], "toaster"], capsys, "toaster")


def test_an_unwritable_output(
    picture: Path, encoded: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "no-such-folder" / "out"
    model = ["--model", str(tiny_model)]
    assert_refused(
        ["encode", str(picture), "-o", f"{output}.vqz", *model], capsys, "no-such-folder"
    )
    assert_refused(
        ["decode", str(encoded), "-o", f"{output}.png", *model], capsys, "no-such-folder"
    )
    assert not any(tmp_path.iterdir())


def test_a_format_that_pillow_does_not_write(
    encoded: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert_refused(["decode", str(encoded), "-o", str(tmp_path / "out.xyz")], capsys, ".xyz")
    assert not any(tmp_path.iterdir())


def test_a_region_outside_the_picture(
    encoded: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "out.png"
    arguments = ["decode", str(encoded), "-o", str(output), "--model", str(tiny_model)]
    capsys.readouterr()
    assert run([*arguments, "--region", "80,0,10,10"]) in (1, 2)
    assert capsys.readouterr().err.count("\n") == 1
    assert not output.exists()


def test_metadata_that_the_output_does_not_hold_are_named(
    picture: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    source, vqz = tmp_path / "with.png", tmp_path / "with.vqz"
    with Image.open(picture) as image:
        image.save(source, exif=b"II*\0" + bytes(8) + bytes(70_000))
    assert run(["encode", str(source), "-o", str(vqz), "--model", str(tiny_model)]) == 0
    capsys.readouterr()
    line = ["decode", str(vqz), "--model", str(tiny_model), "--force", "-o"]
    assert run([*line, str(tmp_path / "out.jpg")]) == 0
    assert "warning: JPEG does not hold the picture's EXIF" in capsys.readouterr().err
    assert run([*line, str(tmp_path / "out.png")]) == 0
    assert "warning" not in capsys.readouterr().err
    assert run([*line, str(tmp_path / "out.jpg"), "--strip"]) == 0
    assert "warning" not in capsys.readouterr().err
