"""Imports go down the table of layers, and each outside library has its one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "vqzip"
LAYERS = {
    "errors": 0, "configs": 1, "token_maps": 1, "container": 2, "coding": 2, "pictures": 2,
    "exact_prior": 3, "nets": 3, "latents": 4, "model_folder": 4, "codec": 5, "sampling": 5, "evaluation": 6,
    "rate_control": 6, "training": 7, "cli": 8, "__init__": 6, "__main__": 9,
}  # fmt: skip
REFUSED = {  # what a part may not import although it lies lower
    "configs": {"token_maps"}, "token_maps": {"configs"}, "nets": {"container", "coding", "pictures"},
    "container": {"configs", "token_maps"}, "pictures": {"configs", "token_maps"},
    "training": {"codec", "rate_control", "sampling"},
}  # fmt: skip
HOMES = {
    "constriction": ["coding/"],
    "matplotlib": ["evaluation/plots.py"],
    "PIL": ["pictures/", "evaluation/anchors.py", "codec.py"],
    "rich": ["cli/"],
    "safetensors": ["model_folder.py", "training/checkpoints.py"],
    "torchvision": ["training/"],
    "typer": ["cli/"],
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_down_the_layers_and_libraries_stay_at_home() -> None:
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE)
        own = inside.parts[0].removesuffix(".py")
        for name in imports(path):
            top, _, rest = name.partition(".")
            part = rest.split(".")[0]
            if top == "vqzip" and part in LAYERS and part != own:
                assert LAYERS[part] < LAYERS[own], f"{inside} may not import {name}"
                assert part not in REFUSED.get(own, ()), f"{inside} may not import {name}"
                measures = rest.startswith(("evaluation.metrics", "evaluation.plots"))
                assert own != "training" or part != "evaluation" or measures, f"{inside}: {name}"
            homes = HOMES.get(top)
            assert homes is None or inside.as_posix().startswith(tuple(homes)), f"{inside}: {name}"


def test_every_part_has_a_layer() -> None:
    found = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found <= set(LAYERS)
