"""The script that measures what each idea is worth, on tiny models."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.measuring.made_pictures import write_folder
from tools.figures import ideas as script
from vqzip.codec.codec import load
from vqzip.measuring.analysis.code_lengths import CodeLengthTally
from vqzip.measuring.source_pictures import find_pictures, read_plain

BEFORE = "# Results\n\n<!-- ideas: begin -->\n"
AFTER = "<!-- ideas: end -->\n\nBy hand.\n"


def made_checkout(folder: Path, photo: Path, codebooks: Path) -> Path:
    """Return a page with nothing between its markers, models beside it."""
    for name, source in (("photo", photo), ("vqvae2", codebooks)):
        shutil.copytree(source, folder / "models" / name)
    page = folder / "docs" / "results" / "tables.md"
    page.parent.mkdir(parents=True)
    page.write_text(BEFORE + AFTER)
    return page


def run(root: Path, pictures: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "ROOT", root)
        patch.setattr(sys, "argv", ["ideas.py", str(pictures)])
        script.main()


def test_histograms_are_those_of_all_pictures_at_a_quality(
    tiny_model: Path, tmp_path: Path
) -> None:
    codec = load(tiny_model, "cpu")
    counting, tally = script.CountingCodec(codec.model), CodeLengthTally()
    for source in find_pictures(write_folder(tmp_path / "pictures", 2, 48, 64)):
        for quality in (2.0, 7.0):
            encoded = counting.encode_picture(read_plain(source), quality=quality)
            tally.add(quality, encoded.codes, encoded.code_length_bits)
    bits = counting.order0_bits()
    assert len(bits) == 4
    assert bits[0] < bits[1]
    assert sum(bits) == pytest.approx(sum(level.order0_bits for level in tally.levels()))


def test_a_model_without_the_network_is_refused_and_the_page_kept(
    tiny_model: Path, tmp_path: Path
) -> None:
    page = made_checkout(tmp_path, tiny_model, tiny_model.parent / "tiny-vq")
    with pytest.raises(SystemExit, match="no network after a wavelet"):
        run(tmp_path, write_folder(tmp_path / "pictures"))
    assert page.read_text() == BEFORE + AFTER


@pytest.mark.slow
def test_every_row_is_measured_and_the_rest_of_the_page_kept(
    tiny_model: Path, tmp_path: Path
) -> None:
    page = made_checkout(tmp_path, tiny_model.parent / "tiny-gains", tiny_model.parent / "tiny-vq")
    run(tmp_path, write_folder(tmp_path / "pictures", 1, 176, 176))
    text = page.read_text()
    assert text.startswith(BEFORE)
    assert text.endswith(AFTER)
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    names = [row[0].strip() for row in rows]
    curves = [script.HISTOGRAMS, script.PRIOR, script.CHOICE, script.NETWORK]
    assert names == ["curve", *curves, "model", "`tiny-vq`"]
    # The prior of random weights loses to histograms, but choosing codes under it saves its bits.
    histograms, prior, choice = (float(row[1].split("to")[0]) for row in rows[1:4])
    assert histograms < prior
    assert choice < prior
