"""Models are added from folders, URLs and a hub: checked first, nothing but a model's files, nothing run."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import vqzip
from tests.support.fake_hub import FakeHub, serving
from tools.golden.models import smooth_pixels
from vqzip.cli.app import run
from vqzip.families.adding import Wanted, add
from vqzip.families.fetching import MODEL_FILES
from vqzip.models.places import model_id

PIXELS = smooth_pixels(24, 40, 3)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty folder for models, and return it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VQZIP_MODELS", raising=False)
    from vqzip.models.places import user_models

    return user_models()


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model with files that do not belong to a model."""
    folder = tmp_path / "given"
    shutil.copytree(tiny_model, folder)
    (folder / "run_me.py").write_text("raise SystemExit")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    return folder


@pytest.fixture
def web(model: Path) -> Iterator[str]:
    """Serve the folder of the model."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(model)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    pytest.importorskip("huggingface_hub")
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def added_files(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()}


def test_a_file_of_a_missing_model_says_how_to_get_it(model: Path) -> None:
    data = vqzip.encode(PIXELS, model=model)
    with pytest.raises(vqzip.ModelError, match="vqzip models add FOLDER_OR_URL"):
        vqzip.decode(data)
    assert run(["models", "add", str(model)]) == 0
    assert vqzip.decode(data).size == (40, 24)


def test_only_the_files_of_a_model_are_taken(model: Path, home: Path) -> None:
    found = add(str(model), Wanted())
    assert found.path == home / "tiny"
    assert {path.name for path in found.path.iterdir()} <= set(MODEL_FILES)
    assert model_id(found.path) == model_id(model)
    assert added_files(home) == {"tiny"}


def test_a_name_of_ones_own_and_a_second_time(model: Path, home: Path) -> None:
    for _ in range(2):
        assert add(str(model), Wanted(name="mine")).name == "mine"
    assert added_files(home) == {"mine"}
    assert vqzip.encode(PIXELS, model="mine") == vqzip.encode(PIXELS, model=model)


def test_another_model_of_the_same_name(model: Path, home: Path, tiny_model: Path) -> None:
    add(str(model), Wanted(name="mine"))
    other = tiny_model.with_name("tiny-gains")
    with pytest.raises(vqzip.ModelError, match="another model is in"):
        add(str(other), Wanted(name="mine"))
    assert model_id(home / "mine") == model_id(model)
    add(str(other), Wanted(name="mine", replace=True))
    assert model_id(home / "mine") == model_id(other)
    assert added_files(home) == {"mine"}


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 101, "a b"])
def test_names_that_are_no_folders(name: str) -> None:
    with pytest.raises(vqzip.ModelError, match="a model's name has"):
        Wanted(name=name)


def test_the_wanted_id(model: Path, home: Path) -> None:
    own = model_id(model).hex()
    with pytest.raises(vqzip.ModelError, match="nothing was added"):
        add(str(model), Wanted(id="0" * 16))
    assert added_files(home) == set()
    assert add(str(model), Wanted(id=own[:16])).id.hex() == own
    with pytest.raises(vqzip.ModelError, match="hexadecimal"):
        Wanted(id=own[:8])


@pytest.mark.parametrize("fault", ["weights", "config", "sums", "link"])
def test_a_damaged_model_is_not_added(fault: str, model: Path, home: Path) -> None:
    weights = model / "vqvae.safetensors"
    if fault == "weights":
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    elif fault == "config":
        (model / "config.json").write_text("{}")
    elif fault == "sums":
        (model / "SHA256SUMS").unlink()
    else:
        weights.unlink()
        weights.mkdir()
    with pytest.raises(vqzip.ModelError):
        add(str(model), Wanted())
    assert added_files(home) == set()


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(vqzip.ModelError, match="there is no model in"):
        add(str(tmp_path), Wanted())


def test_a_url_with_the_wanted_id(web: str, model: Path, home: Path) -> None:
    own = model_id(model).hex()
    found = add(f"{web}/", Wanted(id=own))
    assert found.id.hex() == own
    assert {path.name for path in found.path.iterdir()} <= set(MODEL_FILES)
    with pytest.raises(vqzip.ModelError, match="use https"):
        add(web, Wanted())


def test_a_url_that_leads_nowhere(web: str, home: Path) -> None:
    own = "0" * 64
    with pytest.raises(vqzip.ModelError, match="status 404"):
        add(f"{web}/elsewhere", Wanted(id=own))
    with pytest.raises(vqzip.ModelError, match="cannot be fetched"):
        add("http://127.0.0.1:1", Wanted(id=own))
    assert added_files(home) == set()


def test_a_file_that_is_too_large(
    web: str, model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vqzip.families import fetching

    monkeypatch.setattr(fetching, "largest_bytes", lambda _: 100)
    with pytest.raises(vqzip.ModelError, match="more than the 100 bytes"):
        add(web, Wanted(id="0" * 64))
    assert added_files(home) == set()


def test_push_and_pull(hub: FakeHub, model: Path, home: Path) -> None:
    assert run(["models", "push", str(model), "someone/bridges"]) == 0
    pushed = hub.commits["someone/bridges"][-1]
    assert set(pushed) == {path.name for path in model.iterdir()} & set(MODEL_FILES)
    assert pushed["vqvae.safetensors"] == (model / "vqvae.safetensors").read_bytes()

    pushed["run_me.py"] = b"raise SystemExit"
    assert run(["models", "pull", "someone/bridges", "--id", model_id(model).hex()]) == 0
    assert model_id(home / "tiny") == model_id(model)
    assert not (home / "tiny" / "run_me.py").exists()
    assert not [path for _, path in hub.requests if "run_me" in path]
    assert added_files(home) == {"tiny"}


def test_pull_a_revision(hub: FakeHub, model: Path, tiny_model: Path) -> None:
    first = {path.name: path.read_bytes() for path in model.iterdir()}
    other = tiny_model.with_name("tiny-gains")
    second = {path.name: path.read_bytes() for path in other.iterdir()}
    hub.commits["someone/bridges"] = [first, second]
    old, _ = hub.revision("someone/bridges", "main")
    assert add("hf:someone/bridges", Wanted(name="new")).id == model_id(other)
    hub.commits["someone/bridges"].append(first)
    assert add(f"hf:someone/bridges@{old}", Wanted(name="old")).id == model_id(other)
    assert add("hf:someone/bridges@main", Wanted(name="main")).id == model_id(model)


def test_what_a_hub_has_not(hub: FakeHub, model: Path, home: Path) -> None:
    hub.commits["someone/notes"] = [{"README.md": b"no model"}]
    for source in ("hf:someone/none", "hf:someone/notes", "hf:nobody", "hf:a/b/c"):
        with pytest.raises(vqzip.ModelError):
            add(source, Wanted())
    hub.commits["someone/damaged"] = [
        {path.name: path.read_bytes() for path in model.iterdir()} | {"config.json": b"{}"}
    ]
    with pytest.raises(vqzip.ModelError, match="differs from its checksum"):
        add("hf:someone/damaged", Wanted())
    assert added_files(home) == set()


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    hub = pytest.importorskip("vqzip.families.hub")
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(vqzip.ModelError, match="cannot be pulled"):
        add("hf:someone/bridges", Wanted())
    with pytest.raises(vqzip.ModelError, match="cannot be pushed"):
        hub.push(model, "someone/bridges", private=True)


def test_a_hub_without_its_package(without: Any, capsys: pytest.CaptureFixture[str]) -> None:
    without("huggingface_hub")
    assert run(["models", "pull", "someone/bridges"]) == 2
    assert "pip install vqzip[hub]" in capsys.readouterr().err


def test_a_damaged_model_is_not_pushed(hub: FakeHub, model: Path) -> None:
    (model / "exact_prior.safetensors").write_bytes(b"x")
    assert run(["models", "push", str(model), "someone/bridges"]) == 1
    assert hub.requests == []


def test_added_models_decode_as_before(model: Path) -> None:
    data = vqzip.encode(PIXELS, 6, model=model)
    wanted = np.asarray(vqzip.decode(data, model=model))
    add(str(model), Wanted(name="mine"))
    assert np.array_equal(np.asarray(vqzip.decode(data)), wanted)


def test_a_redirection_away_from_https(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    class Answer(io.BytesIO):
        url = "http://example.org/config.json"

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Answer(b"{}"))
    with pytest.raises(vqzip.ModelError, match="which is not https"):
        add("https://example.org", Wanted())
    assert added_files(home) == set()
