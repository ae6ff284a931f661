"""Models are found by name, path and fingerprint; what is damaged or unknown is told in a sentence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from vqzip.cli.app import run
from vqzip.errors import ModelError
from vqzip.models import places as model_places
from vqzip.models.folder import load
from vqzip.models.learned import load_float_prior
from vqzip.models.places import (
    IDENTITY,
    SHIPPED,
    check_sums,
    find_by_id,
    folders,
    identity_files,
    locate,
    model_id,
    search_path,
    user_models,
    write_sums,
)

UNKNOWN = bytes.fromhex("deadbeefdeadbeef")


@pytest.fixture
def shelf(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two roots with models: `one` in both, `two` in the second."""
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny_model, first / "one")
    shutil.copytree(tiny_model.parent / "tiny-vq", second / "one")
    shutil.copytree(tiny_model.parent / "tiny-vq", second / "two")
    (second / "no-model").mkdir()
    monkeypatch.setattr(model_places, "search_path", lambda: (first, second))
    return tmp_path


def spoil(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_names_come_before_folders_of_the_same_name(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locate("one") == shelf / "first" / "one"
    assert locate("two") == shelf / "second" / "two"
    assert locate(str(shelf / "second" / "one")) == shelf / "second" / "one"
    assert folders() == [shelf / "first" / "one", shelf / "second" / "two"]
    monkeypatch.chdir(shelf / "second")
    assert locate("one") == shelf / "first" / "one"
    assert locate("./one") == Path("one")


def test_a_run_folder_stands_for_its_model(tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "run" / "model")
    assert locate(str(tmp_path / "run")) == tmp_path / "run" / "model"


def test_the_users_choice_comes_before_the_package(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, ours = tmp_path / "mine", tmp_path / "ours"
    monkeypatch.setenv("VQZIP_MODELS", f"{mine}{os.pathsep}{ours}")
    assert search_path() == (mine, ours, user_models(), *SHIPPED)
    shutil.copytree(tiny_model, ours / "photo")
    assert locate("photo") == ours / "photo"
    # The package's model of that name still reads its own files.
    shipped = SHIPPED[-1] / "photo"
    assert find_by_id(model_id(shipped)[:8]) == shipped
    monkeypatch.delenv("VQZIP_MODELS")
    assert locate("photo") == shipped


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "XDG_DATA_HOME", "/data"),
        ("linux", None, "/home/me/.local/share"),
        ("darwin", "XDG_DATA_HOME", "/home/me/Library/Application Support"),
        ("win32", "LOCALAPPDATA", "/data"),
    ],
)
def test_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, folder: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    if variable:
        monkeypatch.setenv(variable, "/data")
    assert user_models() == Path(folder) / "vqzip" / "models"


def test_unknown_names_and_fingerprints(shelf: Path) -> None:
    places = [r"VQZIP_MODELS", str(user_models()), str(SHIPPED[0])]
    with pytest.raises(ModelError, match=r"'three'; installed are one, two;") as by_name:
        locate("three")
    with pytest.raises(
        ModelError, match=r"deadbeefdeadbeef.*one, one, two\).*give its folder with `model`"
    ) as by_id:
        find_by_id(UNKNOWN)
    for message in (str(by_name.value), str(by_id.value)):
        assert all(place in message for place in places)
        assert "\n" not in message


def test_decode_tells_of_an_unknown_fingerprint(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tiny_model / "rgb.vqz"
    assert run(["decode", str(file), "-o", str(tmp_path / "out.png")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for words in (model_id(tiny_model)[:8].hex(), "--model", "VQZIP_MODELS", str(user_models())):
        assert words in message
    assert not (tmp_path / "out.png").exists()


def test_fingerprints_find_their_models(shelf: Path) -> None:
    first, second = shelf / "first", shelf / "second"
    assert find_by_id(model_id(first / "one")[:8]) == first / "one"
    # It is the same model as `two`, and the first of this fingerprint, though its name is hidden.
    assert find_by_id(model_id(second / "two")[:8]) == second / "one"


def test_damaged_models_are_told_apart_from_unknown_ones(shelf: Path) -> None:
    wanted = model_id(shelf / "first" / "one")[:8]
    spoil(shelf / "first" / "one" / "vqvae.safetensors")
    (shelf / "second" / "two" / "exact_prior.safetensors").unlink()
    with pytest.raises(ModelError, match=r"one, one \(damaged\), two \(damaged\)"):
        find_by_id(wanted)
    # They do not stand in the way of others.
    other = shelf / "second" / "one"
    assert find_by_id(model_id(other)[:8]) == other


def test_any_byte_that_decides_codes_changes_the_id(shelf: Path) -> None:
    folder = shelf / "first" / "one"
    before = model_id(folder)
    (folder / "CARD.md").write_text("new words")
    assert model_id(folder) == before
    for name in IDENTITY:
        data = (folder / name).read_bytes()
        spoil(folder / name)
        assert model_id(folder) != before
        (folder / name).write_bytes(data)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"lacks config\.json"):
        model_id(folder)


@pytest.mark.parametrize("name", IDENTITY)
def test_a_model_that_is_not_what_its_sums_say_is_refused(shelf: Path, name: str) -> None:
    spoil(shelf / "first" / "one" / name)
    with pytest.raises(
        ModelError, match=rf"{name} differs from its checksum in SHA256SUMS"
    ) as caught:
        load("one")
    assert "\n" not in str(caught.value)


def test_float_weights_are_checked_when_they_are_read(shelf: Path) -> None:
    model = load("one")
    spoil(shelf / "first" / "one" / "prior.safetensors")
    with pytest.raises(
        ModelError, match=r"prior\.safetensors differs from its checksum in SHA256SUMS"
    ):
        load_float_prior(model)


@pytest.mark.parametrize("sums", [b"", b"\xff\xfe\n", b"0123  config.json\n"])
def test_sums_that_list_nothing_vouch_for_nothing(shelf: Path, sums: bytes) -> None:
    folder = shelf / "first" / "one"
    (folder / "SHA256SUMS").write_bytes(sums)
    with pytest.raises(ModelError, match="SHA256SUMS"):
        load("one")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="lacks SHA256SUMS"):
        load("one")
    write_sums(folder, IDENTITY)
    check_sums(folder, IDENTITY)
    assert load("one").path == folder


def test_shipped_models_are_whole() -> None:
    configs = list(SHIPPED[-1].glob("*/config.json"))
    assert len(configs) >= 3
    for config in configs:
        names = identity_files(config.parent)
        check_sums(config.parent, (*names, "prior.safetensors") if names == IDENTITY else names)
