"""Codecs that are command lines: a toy in Python, and real programs where they are installed."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.measuring.made_pictures import hills, write_folder
from vqzip.errors import PictureError, UsageError
from vqzip.measuring.anchors.command import DEFAULT_SETTINGS, parse_command
from vqzip.measuring.measure import measure
from vqzip.measuring.source_pictures import find_pictures
from vqzip.metrics import mse
from vqzip.pictures.picture import Picture

TOY = """
import sys
from PIL import Image
task, source, target, *quality = sys.argv[1:]
if task == "encode":
    Image.open(source).save(target, "JPEG", quality=int(quality[0]))
elif task == "decode":
    Image.open(source).save(target)
elif task == "fail":
    sys.exit("the toy is broken")
"""


@pytest.fixture
def toy(tmp_path: Path) -> str:
    """The beginning of a command line that runs the toy."""
    script = tmp_path / "toy codec.py"
    script.write_text(TOY)
    return shlex.join([sys.executable, str(script)])


def test_a_toy_is_measured_like_any_codec(toy: str, tmp_path: Path) -> None:
    text = f"toy[20,80]: {toy} encode {{in}} {{out}} {{q}} | {toy} decode {{in}} {{out}}"
    anchor = parse_command(text)
    found = measure(anchor, find_pictures(write_folder(tmp_path / "pictures", 1)))
    assert (found.label, found.settings) == ("toy", (20.0, 80.0))
    low, high = found.points
    assert low.payload_bytes < high.payload_bytes
    assert low.mse > high.mse > 0
    assert "toy codec.py" in found.description


def test_suffixes_and_settings_reach_the_programs(toy: str) -> None:
    text = (
        f"toy[50]: {toy} encode {{in.ppm}} {{out.jpg}} {{q}} | {toy} decode {{in.jpg}} {{out.bmp}}"
    )
    anchor = parse_command(text)
    gray = Picture(hills()[..., 0])
    coded = anchor.encode(gray, 50)
    assert coded.data[:2] == b"\xff\xd8"
    assert coded.code_lengths is None
    decoded = anchor.decode(coded.data)
    assert decoded.is_gray
    assert 0 < mse(gray.pixels, decoded.pixels) < 0.01


def test_settings_that_are_not_listed(toy: str) -> None:
    rest = f"| {toy} decode {{in}} {{out}}"
    with_quality = parse_command(f"toy: {toy} encode {{in}} {{out}} {{q}} {rest}")
    assert with_quality.settings == DEFAULT_SETTINGS
    assert parse_command(f"toy: {toy} encode {{in}} {{out}} 75 {rest}").settings == (0.0,)


@pytest.mark.parametrize(
    ("commands", "word"),
    [
        ("toy", "has the form"),
        ("toy: {python} {in} {out}", "has the form"),
        ("toy: {python} {in} {out} {q} | {python} {in}", "need {in} and {out}"),
        ("toy: {python} {out} {q} | {python} {in} {out}", "need {in} and {out}"),
        ("toy[1,two]: {python} {in} {out} {q} | {python} {in} {out}", "numbers with commas"),
        (
            "toy: no-such-codec {in} {out} | {python} {in} {out}",
            "needs the program 'no-such-codec'",
        ),
    ],
)
def test_wrong_descriptions_are_one_sentence(commands: str, word: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_command(commands.replace("{python}", sys.executable))
    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("task", "said"), [("fail", "the toy is broken"), ("idle", "wrote no file")]
)
def test_what_a_failing_program_says_is_passed_on(toy: str, task: str, said: str) -> None:
    anchor = parse_command(f"toy: {toy} {task} {{in}} {{out}} {{q}} | {toy} {task} {{in}} {{out}}")
    with pytest.raises(PictureError, match=said):
        anchor.encode(Picture(hills()), 50)
    with pytest.raises(PictureError, match=said):
        anchor.decode(b"")


def test_a_decoder_that_writes_no_picture(toy: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.py"
    copy.write_text("import shutil, sys\nshutil.copyfile(*sys.argv[1:])\n")
    decoder = shlex.join([sys.executable, str(copy)])
    anchor = parse_command(f"toy: {toy} encode {{in}} {{out}} 50 | {decoder} {{in}} {{out}}")
    with pytest.raises(PictureError, match="wrote no picture"):
        anchor.decode(b"not a picture")


@pytest.mark.parametrize(
    "text",
    [
        "cwebp[10,80]: cwebp -quiet -q {q} {in} -o {out} | dwebp -quiet {in} -o {out}",
        "cjpeg[20,80]: cjpeg -quality {q} -outfile {out} {in.ppm} | djpeg -outfile {out.ppm} {in}",
    ],
)
def test_programs_that_many_machines_have(text: str) -> None:
    if shutil.which(text.partition("[")[0]) is None:
        pytest.skip("the program is not installed")
    anchor = parse_command(text)
    pixels = hills()
    files = [anchor.encode(Picture(pixels), setting).data for setting in anchor.settings]
    errors = [mse(pixels, anchor.decode(data).pixels) for data in files]
    assert len(files[0]) < len(files[1])
    assert errors[0] > errors[1]
    assert np.isfinite(errors).all()
