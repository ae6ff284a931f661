"""The script that measures the documents' figures and the models' curves, on tiny models."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import typer

from tests.measuring.made_pictures import write_folder
from tests.training.tiny_recipes import tiny_recipe
from tools.figures import results as script
from vqzip.autoencoders.discrete import Vqvae
from vqzip.cli.app import application
from vqzip.measuring.report.files import write_report
from vqzip.models.places import model_id
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.calibrate import CurvePoint, curve_json, validation_pictures
from vqzip.training.data.pictures import open_pictures
from vqzip.training.export import export
from vqzip.training.model_card import CURVE_HEADER, with_curve
from vqzip.training.run import VALIDATION_PICTURES

BEFORE = "# Results\n\n## Figures\n\nBy hand.\n\n<!-- figures: begin -->\n"
AFTER = "<!-- figures: end -->\n\nBy hand, too: **100 %**.\n"
CARD = f"# A model\n\n{CURVE_HEADER}| 1 | 9.999 | 1.00 | - |\n\nBy hand.\n"
CODING_FILES = (
    "config.json",
    "vqvae.safetensors",
    "exact_prior.safetensors",
    "prior.safetensors",
    "SHA256SUMS",
)
Tree = dict[str, bytes]


@dataclass(frozen=True)
class Place:
    """A checkout with tiny models, and pictures beside it."""

    root: Path
    kodak: Path
    valid: Path
    out: Path

    def run(self, *options: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(script, "ROOT", self.root)
            patch.setattr(sys, "argv", ["results.py", *options])
            script.main()

    def figures(self, *options: str) -> None:
        arguments = [str(self.kodak), "--only-figures", "--model", "codebooks", "--anchors", "jpeg"]
        self.run(*arguments, "--out", str(self.out), *options)

    def curves(self, *options: str) -> None:
        self.run("--only-curves", "--valid", str(self.valid), *options)

    def tree(self) -> Tree:
        """Return every file of the checkout and of the results."""
        files = (p for top in (self.root, self.out) for p in top.rglob("*") if p.is_file())
        return {path.relative_to(self.root.parent).as_posix(): path.read_bytes() for path in files}


def made_place(folder: Path, golden: Path, side: int = 176) -> Place:
    root = folder / "checkout"
    (root / "docs" / "pictures").mkdir(parents=True)
    (root / "docs" / "results").mkdir()
    (root / "docs" / "results" / "tables.md").write_text(f"{BEFORE}old figures\n{AFTER}")
    for name, source in (("codebooks", "tiny-vq"), ("grids", "tiny")):
        model = root / "models" / name
        model.mkdir(parents=True)
        for file in CODING_FILES:
            shutil.copyfile(golden / source / file, model / file)
        (model / "CARD.md").write_text(CARD)
        (model / "curve.json").write_text("[]")
    kodak = write_folder(folder / "kodak", 2, side, side)
    valid = write_folder(folder / "valid", 2, 64, 96)
    return Place(root, kodak, valid, folder / "out")


@pytest.fixture
def place(tmp_path: Path, tiny_model: Path) -> Place:
    return made_place(tmp_path, tiny_model.parent)


@dataclass(frozen=True)
class Done:
    """What one run over figures and curves of both models did."""

    place: Place
    before: Tree
    after: Tree
    printed: str


@pytest.fixture(scope="module")
def done(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = made_place(tmp_path_factory.mktemp("done"), tiny_model.parent)
    before = place.tree()
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "say", lambda path: printed.append(f"{path}\n"))
        place.run(str(place.kodak), "--valid", str(place.valid), "--anchors", "jpeg", "--out", str(place.out))  # fmt: skip
    return Done(place, before, place.tree(), "".join(printed))


def figures_of(tree: Tree) -> tuple[str, str]:
    """Return the line that says where figures come from, and the figures."""
    page = tree["checkout/docs/results/tables.md"].decode()
    assert page.startswith(BEFORE)
    assert page.endswith(AFTER)
    line, _, tables = page[len(BEFORE) : -len(AFTER)].strip("\n").partition("\n\n")
    return line.replace("\n", " "), tables


@pytest.mark.slow
def test_the_page_has_the_tables_of_the_run_between_its_markers(done: Done) -> None:
    _, tables = figures_of(done.after)
    assert tables == done.after["out/tables.md"].decode().strip("\n")
    for word in ("codebooks", "grids", "JPEG 4:2:0", "**BD-rate", "Means over 2 pictures"):
        assert word in tables


@pytest.mark.slow
def test_the_page_says_where_its_figures_come_from(done: Done) -> None:
    line, _ = figures_of(done.after)
    results = json.loads(done.after["out/results.json"])
    command = shlex.split(line.split("`")[1])
    arguments = ["--model", "codebooks", "--model", "grids", "--anchors", "jpeg"]
    assert command == [
        *("vqzip", "rd-curve", "kodak"),
        *(*arguments, "--out", "out", "--device", "cpu"),
    ]
    assert results["command"][2] == str(done.place.kodak)
    assert results["command"][3:-3] == [*arguments, "--out", str(done.place.out)][:-1]
    group = typer.main.get_command(application())
    assert isinstance(group, typer.core.TyperGroup)
    group.commands["rd-curve"].make_context("rd-curve", command[2:])
    for name in ("codebooks", "grids"):
        short = model_id(done.place.root / "models" / name).hex()[:16]
        assert f"`{name}` (id `{short}`)" in line
    for package, version in results["versions"].items():
        assert f"{package} {version}" in line
    (jpeg,) = (codec for codec in results["codecs"] if codec["label"] == "jpeg")
    assert jpeg["description"].split(";")[0] in line
    assert results["machine"]["processor"] in line


@pytest.mark.slow
def test_plots_are_those_of_the_run(done: Done) -> None:
    for name in ("psnr.png", "ms_ssim.png"):
        assert done.after[f"checkout/docs/pictures/{name}"] == done.after[f"out/{name}"]


@pytest.mark.slow
def test_every_model_has_its_curve_and_keeps_its_id(done: Done) -> None:
    for name, points in (("codebooks", 1), ("grids", 8)):
        rows = json.loads(done.after[f"checkout/models/{name}/curve.json"])
        curve = [CurvePoint(**row) for row in rows]
        assert [point.quality for point in curve] == list(range(1, points + 1))
        card = done.after[f"checkout/models/{name}/CARD.md"].decode()
        assert card == with_curve(CARD, curve) != CARD
        for file in CODING_FILES:
            key = f"checkout/models/{name}/{file}"
            assert done.after[key] == done.before[key]


@pytest.mark.slow
def test_nothing_else_is_touched_and_what_is_written_is_named(done: Done) -> None:
    changed = {key for key, data in done.after.items() if done.before.get(key) != data}
    changed = {key for key in changed if key.startswith("checkout/")}
    root = done.place.root.parent
    assert changed == {
        Path(line).relative_to(root).as_posix() for line in done.printed.splitlines()
    }
    assert len(changed) == 1 + 2 + 2 * 2


@pytest.mark.parametrize("kind", [pytest.param("wavelet", marks=pytest.mark.slow), "codebook"])
def test_a_curve_is_measured_as_export_measures_it(place: Place, tmp_path: Path, kind: str) -> None:
    recipe = tiny_recipe(tmp_path, kind)
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(0))
    prior = PixelCnn(recipe.vqvae, recipe.prior, torch.Generator().manual_seed(0))
    judged = validation_pictures(
        open_pictures(place.valid), recipe.vqvae.align, VALIDATION_PICTURES
    )
    exported = export(recipe, vqvae, prior, tmp_path, judged, 2)
    folder = exported.rename(place.root / "models" / "own")
    identity, before = model_id(folder), place.tree()
    card = (folder / "CARD.md").read_text()
    (folder / "CARD.md").write_text(with_curve(card, [CurvePoint(9, 9, 9, 9)]))
    (folder / "curve.json").write_text("[]")
    place.curves("--model", "own")
    assert place.tree() == before
    assert model_id(folder) == identity


def test_only_curves_leaves_page_and_plots_alone(place: Place) -> None:
    before = place.tree()
    place.curves("--model", "codebooks")
    changed = {key for key, data in place.tree().items() if before.get(key) != data}
    assert changed == {f"checkout/models/codebooks/{name}" for name in ("curve.json", "CARD.md")}


def test_only_figures_leaves_models_alone(place: Place) -> None:
    before = place.tree()
    place.figures()
    after = place.tree()
    assert {key for key, data in after.items() if key in before and before[key] != data} == {
        "checkout/docs/results/tables.md"
    }
    # A second run replaces the first one's figures, not its own markers.
    place.figures("--force")
    assert figures_of(place.tree())[0] == figures_of(after)[0]


def test_models_that_are_not_in_the_box_are_measured_beside_the_others(
    place: Place, tiny_model: Path
) -> None:
    before = place.tree()
    other = tiny_model.parent / "tiny-vq"
    place.figures("--also", str(other))
    after = place.tree()
    line, tables = figures_of(after)
    assert f"`tiny-vq` (id `{model_id(other).hex()[:16]}`)" in line
    assert "| tiny-vq |" in tables
    models = [key for key in after if key.startswith("checkout/models/")]
    assert all(after[key] == before[key] for key in models)
    with pytest.raises(SystemExit) as refusal:
        place.figures("--also", str(other), "--also", str(other), "--force")
    assert "two models are called 'tiny-vq'" in str(refusal.value)


def test_a_plot_of_an_earlier_run_is_not_taken(tmp_path: Path, tiny_model: Path) -> None:
    place = made_place(tmp_path, tiny_model.parent, side=64)  # too small for MS-SSIM
    place.out.mkdir()
    (place.out / "ms_ssim.png").write_bytes(b"of an earlier run")
    place.figures()
    assert [path.name for path in (place.root / "docs/pictures").iterdir()] == ["psnr.png"]


def test_figures_come_from_what_was_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page quotes `tables.md`, whatever is in it."""

    def with_other_tables(report: object, folder: Path) -> tuple[Path, ...]:
        written = write_report(report, folder)  # type: ignore[arg-type]
        (folder / "tables.md").write_text("**Other tables**\n")
        return written

    monkeypatch.setattr(script, "write_report", with_other_tables)
    place.figures()
    assert figures_of(place.tree())[1] == "**Other tables**"


Fault = Callable[[Place], object]


def write_page(text: str) -> Fault:
    return lambda place: (place.root / "docs/results/tables.md").write_text(text)


def write_card(text: str) -> Fault:
    return lambda place: (place.root / "models/grids/CARD.md").write_text(text)


def leave_results(place: Place) -> None:
    place.out.mkdir()
    (place.out / "results.json").write_text("")


FAULTS: dict[str, tuple[Fault, str]] = {
    "no page": (lambda p: (p.root / "docs/results/tables.md").unlink(), "docs/results/tables.md"),
    "no markers": (write_page("# Results\n"), "figures: begin"),
    "no end": (write_page(BEFORE), "figures: end"),
    "end first": (write_page(AFTER + BEFORE), "in this order"),
    "two begins": (write_page(BEFORE + BEFORE + AFTER), "once each"),
    "two ends": (write_page(BEFORE + AFTER + AFTER), "once each"),
    "no folder of plots": (lambda p: (p.root / "docs/pictures").rmdir(), "docs/pictures"),
    "no models": (lambda p: shutil.rmtree(p.root / "models"), "no models"),
    "no card": (lambda p: (p.root / "models/grids/CARD.md").unlink(), "CARD.md"),
    "no table": (write_card("# A model\n"), "one table"),
    "damaged model": (
        lambda p: (p.root / "models/grids/vqvae.safetensors").write_bytes(b"short"),
        "damaged",
    ),
    "no pictures": (lambda p: shutil.rmtree(p.kodak), "kodak"),
    "no valid": (lambda p: shutil.rmtree(p.valid), "valid"),
    "out is a file": (lambda p: p.out.write_text("a file"), "--out"),
    "results": (leave_results, "--force"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_end_well_is_refused_before_it_begins(place: Place, fault: str) -> None:
    breaks, word = FAULTS[fault]
    breaks(place)
    before = place.tree()
    with pytest.raises(SystemExit) as refusal:
        place.run(str(place.kodak), "--valid", str(place.valid), "--anchors", "jpeg", "--out", str(place.out))  # fmt: skip
    message = str(refusal.value)
    assert message.startswith("results.py: ")
    assert word in message
    assert "\n" not in message
    assert place.tree() == before


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--model", "else"], "no model 'else'"), (["--anchors", "jpeg,gif"], "gif")],
)
def test_unknown_names_are_refused(place: Place, options: list[str], word: str) -> None:
    before = place.tree()
    with pytest.raises(SystemExit) as refusal:
        place.figures(*options)
    assert word in str(refusal.value)
    assert place.tree() == before


def test_packages_are_asked_for_first(place: Place, without: Callable[[str], None]) -> None:
    """Without MS-SSIM a curve would lose a column that it had."""
    before = place.tree()
    without("pytorch_msssim")
    for measure in (place.figures, place.curves):
        with pytest.raises(SystemExit) as refusal:
            measure()
        assert "pip install vqzip[report]" in str(refusal.value)
    assert place.tree() == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--valid", "valid"], "--only-curves"),
        (["kodak"], "--only-figures"),
        (["kodak", "--only-figures", "--only-curves"], "not allowed with"),
    ],
)
def test_wrong_usage(
    place: Place, capsys: pytest.CaptureFixture[str], options: list[str], word: str
) -> None:
    with pytest.raises(SystemExit) as refusal:
        place.run(*options)
    assert refusal.value.code == 2
    assert word in capsys.readouterr().err


def test_the_documents_have_the_places_that_the_script_writes_to() -> None:
    page = (script.ROOT / "docs/results/tables.md").read_text(encoding="utf-8")
    assert "\n**Means over" in page
    assert "\n**Means over" not in script.with_figures(page, "")
    curves = sorted((script.ROOT / "models").glob("*/curve.json"))
    assert curves
    for path in curves:
        card = path.parent / "CARD.md"
        rows = json.loads(path.read_text())
        curve = [CurvePoint(**row) for row in rows]
        text = card.read_text(encoding="utf-8")
        assert with_curve(text, curve) == text, "curve.json and CARD.md differ"
        assert curve_json(curve) == (card.parent / "curve.json").read_text()
