"""Imports go down the table of layers, and each outside library has its one home."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "vqzip"
LAYERS = (
    {"errors", "files"},
    {"quality", "threads"},
    {"hierarchy"},
    {"codes", "container", "entropy", "metrics", "pictures"},
    {"autoencoders", "prior"},
    {"models"},
    {"codec", "web"},
    {"families", "measuring"},
    {"api", "batch", "training"},
    {"__init__", "cli", "pillow", "ray", "__main__"},
)
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
REFUSED = {  # what a part may not import although it lies lower, or lies inside the same part
    "autoencoders": ("container", "entropy", "pictures"),
    "container": ("hierarchy",),
    "pictures": ("hierarchy", "quality"),
    "prior/exact": ("prior.float", "prior.export", "prior.numpy"),
    "prior/float": ("prior.exact", "prior.export", "prior.numpy"),
    "prior/numpy": ("prior.float", "prior.export"),
    "training": ("codec.target", "measuring.analysis", "measuring.anchors", "measuring.measure"),
}  # fmt: skip
HOMES = {
    "constriction": ("entropy/",),
    "onnxruntime": ("autoencoders/onnx/session.py",),
    "huggingface_hub": ("families/hub.py",),
    "matplotlib": ("measuring/report/",),
    "PIL": ("__init__.py", "pictures/", "measuring/anchors/", "codec/codec.py", "codec/lossless/codec.py", "models/abilities.py", "api/", "pillow.py"),
    "pyarrow": ("ray/storage.py",),
    "ray": ("ray/",),
    "rich": ("cli/",),
    "safetensors": ("families/family.py", "models/folder.py", "models/learned.py", "training/checkpoints.py", "training/data/token_files.py"),
    "torch": (
        "autoencoders/", "codec/refinement", "families/", "measuring/", "metrics.py", "models/", "prior/export/", "prior/float/", "training/",
    ),
    "torchvision": ("training/data/",),
    "datasets": ("training/data/",),
    "webdataset": ("training/data/",),
    "typer": ("cli/",),
}  # fmt: skip
"""Outside libraries, and the only places that may import them."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def refusals(path: Path) -> Iterator[str]:
    inside = path.relative_to(PACKAGE).as_posix()
    own = inside.split("/")[0].removesuffix(".py")
    refused = [
        name for folder, names in REFUSED.items() if inside.startswith(folder) for name in names
    ]
    for name in () if own == "__main__" else imports(path):
        top, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if top == "vqzip" and part in LAYER:
            upward = part != own and LAYER[part] >= LAYER[own]
            if upward or any(f"{rest}.".startswith(f"{name}.") for name in refused):
                yield f"{inside} may not import {name}"
        elif top in ("reference", "tests", "tools"):
            yield f"{inside} may not import {name}, which is not installed with it"
        elif top in HOMES and not inside.startswith(HOMES[top]):
            yield f"{inside} is no home of {name}"


def test_imports_go_down_the_layers_and_libraries_stay_at_home() -> None:
    assert [fault for path in PACKAGE.rglob("*.py") for fault in refusals(path)] == []


def test_the_root_has_few_modules() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_every_part_has_a_layer() -> None:
    found = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found == set(LAYER)


def test_contributing_shows_the_layers() -> None:
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| (.*) \|$", page, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == list(LAYERS)
    assert len(rows) <= 10


def test_the_reference_decoder_imports_nothing_of_the_package() -> None:
    files = (PACKAGE.parent / "reference").glob("*.py")
    assert [name for path in files for name in imports(path) if name.startswith("vqzip")] == []
