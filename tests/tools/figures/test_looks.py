"""The tables of how pictures look, from made measurements."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.measuring.made_measurements import made
from tools.figures import looks as script
from tools.marked_parts import with_marked_part
from vqzip.measuring.anchors.avif import AVIF
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.report.report import make_report


def test_codecs_are_compared_with_both_references_as_far_as_they_are_measured() -> None:
    models, avif = [made("photo", 2)], made("avif", 1)
    only_avif = make_report(models, [avif], ["x"], DEFAULT_METRICS)
    table = script.equal_quality(only_avif, AVIF)
    assert table.rows == (("PHOTO", "+100.0 (0/2)", "+100.0 (0/2)"),)
    assert script.equal_quality(only_avif, JXL).rows == ()
    both = make_report(models, [avif, made("jxl", 4)], ["x"], DEFAULT_METRICS)
    rows = script.equal_quality(both, JXL).rows
    assert [row[:2] for row in rows] == [("PHOTO", "-50.0 (2/2)"), ("AVIF", "-75.0 (2/2)")]


def test_the_page_says_what_was_run_and_has_all_tables() -> None:
    report = make_report([made("photo", 2)], [made("avif", 1)], ["python", "a b"], DEFAULT_METRICS)
    single = [made("cwebp", 1, settings=(0.0,))]
    text = script.page_part(report, single, 2)
    assert text.startswith("`python 'a b'`: 2 pictures")
    assert "torch" in text.split("\n\n")[0]
    assert text.count("**Bits at equal quality") == 1
    assert "| CWEBP | 16.000 | 30.00 | 0.9900 |" in text


@pytest.mark.parametrize(
    ("options", "word"), [(["--metrics", "vmaf"], "vmaf"), (["--every", "1"], "no picture")]
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], word: str
) -> None:
    metrics = ["--metrics", "psnr"] if "--metrics" not in options else []
    arguments = [str(tmp_path / "nothing"), *metrics, *options]
    monkeypatch.setattr(sys, "argv", ["looks.py", *arguments])
    with pytest.raises(SystemExit) as refusal:
        script.main()
    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_page_has_the_place_that_the_program_writes_to() -> None:
    page = (script.ROOT / script.PAGE).read_text(encoding="utf-8")
    assert "**Bits at equal quality" in page
    assert "**Bits at equal quality" not in with_marked_part(page, "looks", "", path=script.PAGE)
