from dataclasses import replace
from pathlib import Path

import pytest

from tests.measuring.fake_subject import FakeSubject
from tests.measuring.made_pictures import write_folder
from vqzip.errors import UsageError
from vqzip.measuring.anchors.pillow import JPEG
from vqzip.measuring.measure import measure
from vqzip.measuring.report.files import write_json
from vqzip.measuring.report.read import read_measurements
from vqzip.measuring.report.report import make_report
from vqzip.measuring.source_pictures import find_pictures


def test_measurements_come_back_as_they_were_written(tmp_path: Path) -> None:
    pictures = find_pictures(write_folder(tmp_path / "pictures"))
    model, anchor = measure(FakeSubject(), pictures), measure(JPEG, pictures)
    write_json(make_report([model], [anchor], ["vqzip"]), tmp_path / "results.json")
    found = read_measurements(tmp_path / "results.json")
    assert list(found) == ["fake", "jpeg"]
    # JSON has no infinity, so the PSNR of pictures that came back exactly is not compared.
    exact = {p.picture for p in anchor.points if p.mse == 0}
    kept = tuple(p for p in anchor.points if p.picture not in exact)
    again = tuple(p for p in found["jpeg"].points if p.picture not in exact)
    assert kept
    assert replace(found["jpeg"], points=again) == replace(anchor, points=kept)
    assert (found["fake"].levels, found["fake"].overhead) == (model.levels, model.overhead)


@pytest.mark.parametrize("text", ["", "{}", '{"codecs": [{}]}', '{"codecs": 1}'])
def test_other_files_are_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="measure again"):
        read_measurements(path)
