"""`vqzip models`: the installed models, and the folders that are searched for models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vqzip.cli.console import print_result, readable_size, stdout_console

if TYPE_CHECKING:
    from vqzip.families.installed import ModelSummary


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed models.

    The list has size, license, and bits per pixel with PSNR (or MS-SSIM, for models trained for it)
    at three qualities. The last line names the folders that were searched.
    """
    from rich.table import Table

    from vqzip.families.installed import installed
    from vqzip.models.places import search_path

    found = installed()
    if as_json:
        print_result(json.dumps([_facts(model) for model in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "id", "size", "license", "curve (quality: bpp, metric)", "folder"):
        table.add_column(column)
    for model in found:
        points = "; ".join(
            point_text(row, model.config.metric) for row in _three_points(model.curve)
        )
        table.add_row(
            model.name,
            model.id[:8].hex(),
            readable_size(model.bytes),
            model.card_license,
            points or "-",
            str(model.path),
        )
    console = stdout_console()
    console.print(table)
    console.print("searched: " + ", ".join(str(folder) for folder in search_path()))


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
    """Return quality, rate, and the score by the model's own metric if it is known."""
    point = f"{row['quality']:g}: {row['rate_bpp']:.2f}"
    if metric == "psnr" and row["psnr_db"] is not None:
        return f"{point}, {row['psnr_db']:.1f} dB"
    if metric == "ms-ssim" and row["ms_ssim"] is not None:
        return f"{point}, MS-SSIM {row['ms_ssim']:.4f}"
    return point
