"""`vqzip models`: the installed models; adding, pulling and pushing models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vqzip.cli.console import print_note, print_result, readable_size, waiting
from vqzip.cli.help import SETTINGS, Command, Group

if TYPE_CHECKING:
    from vqzip.families.installed import ModelSummary

group = typer.Typer(name="models", cls=Group, invoke_without_command=True)

Name = Annotated[
    str | None,
    typer.Option(help="Find the model under this name. Default: the name in its configuration."),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="HEX", help="Refuse any other model: 16 digits or more of its id."
    ),
]
Replace = Annotated[bool, typer.Option("--force", help="Replace another model of this name.")]


@group.callback()
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed models, or add, pull and push models.

    The list has id, size, license, and bits per pixel with PSNR (or MS-SSIM, for models trained for it)
    at three qualities. The last lines name the folders that were searched.
    """
    if context.invoked_subcommand is not None:
        return
    from vqzip.families.installed import installed
    from vqzip.models.places import search_path

    found = installed()
    if as_json:
        print_result(json.dumps([_facts(model) for model in found], indent=2))
        return
    for model in found:
        print_result("\n".join(_lines(model)))
    print_result("\n".join(["searched:", *(f"  {folder}" for folder in search_path())]))


@group.command("add", cls=Command, context_settings=SETTINGS)
def add(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A model folder or training run, the URL of a model folder, hf:OWNER/NAME or "
            "hf:OWNER/NAME@REVISION.",
        ),
    ],
    name: Name = None,
    model_id: Id = None,
    force: Replace = False,
) -> None:
    """Add a model to those that are found by name and by the files that were made with it.

    Only files with the names of a model folder are taken, and no code is run. Checksums, configuration and
    weights are checked first.
    """
    _add(source, name, model_id, force)


@group.command("pull", cls=Command, context_settings=SETTINGS)
def pull(
    repository: Annotated[
        str,
        typer.Argument(metavar="OWNER/NAME", help="May end in @REVISION, a commit or a branch."),
    ],
    name: Name = None,
    model_id: Id = None,
    force: Replace = False,
) -> None:
    """Add a model from the Hugging Face Hub; the same as `add hf:OWNER/NAME`."""
    _add(f"hf:{repository}", name, model_id, force)


@group.command("push", cls=Command, context_settings=SETTINGS)
def push(
    model: Annotated[str, typer.Argument(help="Name of a model, or a model folder.")],
    repository: Annotated[
        str,
        typer.Argument(metavar="OWNER/NAME", help="May end in @REVISION, the name of a branch."),
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
) -> None:
    """Upload a model to the Hugging Face Hub.

    Log in first with `hf auth login`. A repository that does not exist is made.
    """
    from vqzip.families.hub import push as pushed
    from vqzip.models.places import locate

    with waiting(f"pushing {model}"):
        address = pushed(locate(model), repository, private=private)
    print_note(f"pushed: {address}")


def _add(source: str, name: str | None, model_id: str | None, force: bool) -> None:
    from vqzip.families.adding import Wanted, add

    with waiting(f"adding {source}"):
        added = add(source, Wanted(name, model_id, force))
    print_note(f"{added.path}: the model {added.path.name}, {added.id[:8].hex()}")


def _lines(model: ModelSummary) -> list[str]:
    """Return a model in lines for a terminal of 80 columns; a long path may be wider."""
    size = readable_size(model.bytes)
    first = f"{model.name}  ({model.id[:8].hex()}, {size}, {model.card_license})"
    points = [point_text(row, model.config.metric) for row in _three_points(model.curve)]
    return [first, *(f"  quality {point}" for point in points), f"  {model.path}"]


def _facts(model: ModelSummary) -> dict[str, Any]:
    return {
        "name": model.name,
        "id": model.id.hex(),
        "path": str(model.path),
        "bytes": model.bytes,
        "license": model.card_license,
        "metric": model.config.metric,
        "curve": model.curve,
    }


def _three_points(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first, the middle and the last point."""
    if len(curve) <= 3:
        return curve
    return [curve[0], curve[len(curve) // 2], curve[-1]]


def point_text(row: dict[str, Any], metric: str) -> str:
    """Return quality, rate, and PSNR or, for models trained for it, MS-SSIM."""
    point = f"{row['quality']:g}: {row['rate_bpp']:.2f} bpp"
    if metric == "ms-ssim" and row["ms_ssim"] is not None:
        return f"{point}, MS-SSIM {row['ms_ssim']:.4f}"
    if metric in ("psnr", "jod") and row["psnr_db"] is not None:
        return f"{point}, {row['psnr_db']:.1f} dB"
    return point
