import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.measuring.fake_subject import FakeSubject
from tests.measuring.made_measurements import made, with_scores
from tests.measuring.made_pictures import write_folder
from vqzip.measuring.anchors.pillow import JPEG, WEBP
from vqzip.measuring.measure import Measurement, measure
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR
from vqzip.measuring.report.files import write_report
from vqzip.measuring.report.lines import rd_lines
from vqzip.measuring.report.report import RdReport, make_report, report_tables
from vqzip.measuring.source_pictures import find_pictures


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> RdReport:
    pictures = find_pictures(write_folder(tmp_path_factory.mktemp("pictures")))
    model = measure(FakeSubject(settings=(2.0, 3.0, 4.0, 5.0)), pictures)
    anchors = [measure(anchor, pictures) for anchor in (JPEG, WEBP)]
    return make_report([model], anchors, ["vqzip", "rd-curve", "pictures"])


def test_every_model_against_every_anchor(report: RdReport) -> None:
    pairs = {(item.codec, item.reference) for item in report.comparisons}
    assert pairs == {("fake", "jpeg"), ("fake", "webp"), ("webp", "jpeg")}
    ranges = [(c.metric, c.limits) for c in report.comparisons if c.reference == "webp"]
    assert ranges == [("psnr", None), ("psnr", (30.0, 36.0)), ("ms-ssim", None)]


def test_webp_beats_jpeg(report: RdReport) -> None:
    (found,) = (
        c.per_picture.percent
        for c in report.comparisons
        if (c.codec, c.metric, c.limits) == ("webp", "psnr", None)
    )
    assert found < 0


def test_tables_are_full_of_strings(report: RdReport) -> None:
    tables = report_tables(report)
    assert [(table.title.split(",")[0].split(":")[0], len(table.rows)) for table in tables] == [
        ("Means over 2 pictures (MSE on [0", 4 + 10 + 10),
        ("BD-rate", 3),
        ("Pictures on which a model is smaller at equal quality", 3),
        ("Best and worst pictures", 2),
        ("Quality scale (violations", 5),
        ("Prior against order 0 (histograms fitted on these pictures)", 4),
        ("Files over the prior's own code length (percent", 1),
    ]
    for table in tables:
        assert all(len(row) == len(table.header) for row in table.rows)
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
        assert table.markdown().count("\n") == len(table.rows) + 4
    assert tables[1].rows[0][:2] == ("fake", "JPEG 4:2:0")
    assert tables[6].rows[0][:3] == ("fake", "8", "8")


def test_tables_without_models_or_anchors(report: RdReport) -> None:
    assert len(report_tables(make_report([], report.anchors[:1]))) == 1
    assert [table.title.split()[0] for table in report_tables(make_report(report.models, []))] == [
        "Means",
        "Quality",
        "Prior",
        "Files",
    ]


def test_a_model_at_one_quality_has_its_own_table() -> None:
    point = made("tokens", 2, settings=(1.0,))
    curve, jpeg = made("curve", 1), made("jpeg", 4)
    found = make_report([point, curve, made("other", 1)], [jpeg, made("webp", 3)])
    assert "tokens" not in {item.codec for item in found.comparisons}
    assert {(item.model, item.reference) for item in found.equal_quality} == {
        ("tokens", "jpeg"),
        ("tokens", "curve"),
    }
    with_rows = {t.title.split(",")[0]: t for t in report_tables(found)[1:]}
    own = with_rows.pop("Models at one quality")
    assert [(row[0], row[4], row[5]) for row in own.rows] == [
        ("TOKENS", "JPEG", "100.0 % more"),
        ("TOKENS", "CURVE", "50.0 % fewer"),
    ]
    assert not any("TOKENS" in row for table in with_rows.values() for row in table.rows)


def test_a_model_at_one_quality_alone() -> None:
    found = make_report([made("tokens", 2, settings=(1.0,))], [])
    assert [table.title.split()[0] for table in report_tables(found)] == ["Means"]


def test_extremes_go_by_the_models_own_metric() -> None:
    model = replace(made("model", 0.5), own_metric="ms-ssim")
    tables = {t.title.split()[0]: t for t in report_tables(make_report([model], [made("jpeg", 1)]))}
    assert {row[3] for row in tables["Best"].rows} == {"MS-SSIM"}


def test_a_report_of_equal_pictures_is_strict_json(tmp_path: Path) -> None:
    perfect = made("perfect", 1)
    points = tuple(
        with_scores(replace(p, mse=0.0), psnr=math.inf, ms_ssim=1.0) for p in perfect.points
    )
    perfect = Measurement("perfect", "Perfect", perfect.settings, points, "made")
    write_report(make_report([perfect], [made("whole", 1)]), tmp_path)
    results = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert results["codecs"][0]["points"][0]["scores"] == {"psnr": None, "ms-ssim": 1.0}
    assert results["comparisons"][0]["per_picture"]["percent"] is None


def test_files_of_a_report(report: RdReport, tmp_path: Path) -> None:
    written = write_report(report, tmp_path / "out")
    assert {path.name for path in written} == {
        "results.json",
        "points.csv",
        "tables.md",
        "psnr.png",
        "psnr.svg",
        "ms_ssim.png",
        "ms_ssim.svg",
        "index.html",
    }
    assert all(path.is_file() for path in written)
    results = json.loads(written[0].read_text())
    assert results["command"] == ["vqzip", "rd-curve", "pictures"]
    assert {"python", "torch", "pillow", "vqzip"} <= set(results["versions"])
    assert {"processor", "cores"} <= set(results["machine"])
    assert [codec["label"] for codec in results["codecs"]] == ["fake", "jpeg", "webp"]
    assert results["codecs"][0]["levels"][0]["ratio"] > 0
    assert results["codecs"][0]["own_metric"] == "psnr"
    for comparison in results["comparisons"]:
        assert set(comparison["pictures"]) == {"below/p1.png", "p0.png"}
        assert {"percent", "covered"} <= set(comparison["pictures"]["p0.png"])
    assert [step["quality"] for step in results["quality_scales"]["fake"]] == [2, 3, 4, 5]
    assert results["equal_quality"] == []
    with written[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (4 + 10 + 10)
    assert float(rows[0]["code_length_bits"]) == report.models[0].points[0].code_length_bits[0]
    assert rows[0]["codes_equal"] == "True"
    assert float(rows[0]["psnr"]) == report.models[0].points[0].scores["psnr"]
    assert list(rows[0])[7:11] == ["mse", "psnr", "ms-ssim", "encode_s"]


def test_every_metric_has_its_columns_and_plot(tmp_path: Path) -> None:
    """Only those that were measured are in a report, in the order asked for."""
    measured = [made("model", 0.5), made("jpeg", 1), made("webp", 1)]
    found = make_report(measured[:1], measured[1:], ["x"], (MS_SSIM,))
    assert {(item.metric, item.limits) for item in found.comparisons} == {("ms-ssim", None)}
    tables = report_tables(found)
    assert tables[0].header[5:] == ("MS-SSIM", "encode s", "decode s")
    assert tables[1].header[2:] == ("MS-SSIM", "MS-SSIM, averaged")
    assert tables[2].header[2:] == ("MS-SSIM",)
    assert {path.stem for path in write_report(found, tmp_path)} == {
        *("results", "points", "tables", "ms_ssim", "index")
    }
    both = make_report(measured[:1], measured[1:], ["x"], (MS_SSIM, PSNR))
    assert report_tables(both)[1].header[2::2] == ("MS-SSIM", "PSNR", "PSNR 30-36 dB")


def test_no_plot_without_a_metric(tmp_path: Path) -> None:
    report = make_report([made("small", 0.5, None)], [made("whole", 1, None)])
    assert [path.name for path in write_report(report, tmp_path)] == [
        "results.json",
        "points.csv",
        "tables.md",
        "psnr.png",
        "psnr.svg",
        "index.html",
    ]


def test_lines_for_plots(report: RdReport) -> None:
    lines = rd_lines(report, MS_SSIM)
    assert [(line.label, line.is_model) for line in lines] == [
        ("fake", True),
        ("JPEG 4:2:0", False),
        ("WebP", False),
    ]
