import json
from pathlib import Path

import pytest

from vqzip.cli.app import run
from vqzip.cli.models import point_text


def test_the_models_of_the_package_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    output = capsys.readouterr().out
    for name in ("photo", "vqvae2", "searched"):
        assert name in output


def test_json_has_what_the_table_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in facts] == [
        "exact",
        "photo",
        "photo-psnr",
        "photo-ssim",
        "vqvae2",
    ]
    for model in facts:
        assert len(bytes.fromhex(model["id"])) == 32
        assert Path(model["path"]).is_dir()
        assert 0 < model["bytes"] <= 8 * 2**20
        assert model["license"]
        assert model["curve"] or model["name"] == "exact"
        own = {"photo": "jod", "photo-ssim": "ms-ssim", "exact": "bits"}
        assert model["metric"] == own.get(model["name"], "psnr")


@pytest.mark.parametrize(
    ("metric", "told"),
    [("psnr", "4: 0.25 bpp, 31.4 dB"), ("ms-ssim", "4: 0.25 bpp, MS-SSIM 0.9712")],
)
def test_a_point_is_told_by_the_models_own_metric(metric: str, told: str) -> None:
    row = {"quality": 4.0, "rate_bpp": 0.25, "psnr_db": 31.42, "ms_ssim": 0.97123}
    assert point_text(row, metric) == told
    unknown = row | {"psnr_db": None, "ms_ssim": None}
    assert point_text(unknown, metric) == "4: 0.25 bpp"


def test_the_list_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    # A path may be long, and is never cut.
    assert [line for line in lines if len(line) > 80 and not line.startswith("  /")] == []
