"""Imports go down the table of layers, and each outside library has its one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "vqzip"
LAYERS = {
    "errors": 0, "configs": 1, "token_maps": 1, "whole_files": 1, "container": 2, "coding": 2, "pictures": 2,
    "model_places": 2, "model_limits": 2, "exact_prior": 3, "nets": 3, "latents": 4, "model_folder": 4,
    "picture_codes": 4, "opening": 4, "effort": 4, "sections": 4, "tile_streams": 5, "codec": 6, "evaluation": 7, "rate_control": 7,
    "sampling": 7, "__init__": 7, "training": 8, "cli": 9, "__main__": 10,
}  # fmt: skip
REFUSED = {  # what a part may not import although it lies lower
    "configs": {"token_maps"}, "token_maps": {"configs"}, "nets": {"container", "coding", "pictures"},
    "container": {"configs", "token_maps"}, "pictures": {"configs", "token_maps"},
    "training": {"rate_control", "sampling"},
}  # fmt: skip
MEASURES = ("evaluation.metrics", "evaluation.plots")
"""All that training takes from evaluation."""
HOMES = {
    "constriction": ("coding/",),
    "matplotlib": ("evaluation/plots.py",),
    "PIL": ("pictures/", "evaluation/anchors.py", "codec.py"),
    "rich": ("cli/",),
    "safetensors": ("model_folder.py", "training/checkpoints.py"),
    "torchvision": ("training/image_sources.py",),
    "typer": ("cli/",),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def refusals(path: Path) -> Iterator[str]:
    inside = path.relative_to(PACKAGE)
    own = inside.parts[0].removesuffix(".py")
    for name in imports(path):
        top, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if top == "vqzip" and part in LAYERS and part != own:
            if LAYERS[part] >= LAYERS.get(own, 0) or part in REFUSED.get(own, ()):
                yield f"{inside} may not import {name}"
            if own == "training" and part == "evaluation" and not rest.startswith(MEASURES):
                yield f"{inside} may not import {name}"
        elif top in HOMES and not inside.as_posix().startswith(HOMES[top]):
            yield f"{inside} is no home of {name}"


def test_imports_go_down_the_layers_and_libraries_stay_at_home() -> None:
    assert [fault for path in PACKAGE.rglob("*.py") for fault in refusals(path)] == []


def test_every_part_has_a_layer() -> None:
    found = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found <= set(LAYERS)
