import json
from pathlib import Path

import pytest

from vqzip.cli.app import run


def test_the_models_of_the_package_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    output = capsys.readouterr().out
    for name in ("photo", "vqvae2", "looked for in"):
        assert name in output


def test_json_has_what_the_table_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in facts] == ["photo", "vqvae2"]
    for model in facts:
        assert len(bytes.fromhex(model["id"])) == 32
        assert Path(model["path"]).is_dir()
        assert 0 < model["bytes"] <= 8 * 2**20
        assert model["licence"]
        assert model["curve"]
