"""`vqzip info`: what a .vqz file contains, without decoding it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vqzip.cli.console import print_result, read_source_bytes, stdout_console
from vqzip.errors import ModelError
from vqzip.files import shown_name

if TYPE_CHECKING:
    from vqzip.container.parse import Layout
    from vqzip.families.installed import ModelSummary


def info(
    source: Annotated[Path, typer.Argument(metavar="IN.vqz", help=".vqz file; - for stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a .vqz file contains.

    Size, quality, model, and the bytes of each part; nothing is decoded.
    """
    from vqzip.container.parse import parse_layout

    layout = parse_layout(read_source_bytes(source))
    facts = Facts(layout, _installed_model(layout.header.model_id))
    if as_json:
        print_result(json.dumps(facts.plain(), indent=2))
    else:
        _print_table(str(source), facts)


@dataclass(frozen=True)
class Facts:
    """The facts about a file.

    Args:
        layout: which bytes belong to what.
        model: the installed model that it needs; None if it is not installed.
    """

    layout: Layout
    model: ModelSummary | None

    @property
    def rate_bpp(self) -> float:
        """Bits of the file per pixel."""
        return 8 * self.layout.total_bytes / self.layout.header.pixels

    @property
    def bits_per_dim(self) -> float:
        """Bits of the file per sample: three in a pixel, one if gray."""
        return self.rate_bpp / (1 if self.layout.header.mode == "gray" else 3)

    @property
    def quality(self) -> str:
        """Quality as text; some models have only one."""
        if self.model is not None and not self.model.config.has_qualities:
            return "the model's only one"
        return f"{self.layout.header.quality:g}"

    @property
    def streams(self) -> tuple[tuple[str, int], ...]:
        """Name and bytes of each stream, coarse first, with its content if the model is installed."""
        sizes = self.layout.stream_bytes
        names = [f"stream {number}" for number in range(len(sizes))]
        if self.model is not None:
            parts = self.model.config.stream_names
            # A hostile file may have another number of streams than its model.
            if len(parts) == len(names):
                names = [f"{name} ({part})" for name, part in zip(names, parts, strict=True)]
        return tuple(zip(names, sizes, strict=True))

    def plain(self) -> dict[str, Any]:
        """Return all facts for JSON."""
        header = self.layout.header
        return {
            "file_bytes": self.layout.total_bytes,
            "width": header.width,
            "height": header.height,
            "mode": header.mode,
            "quality": header.quality,
            "model": None if self.model is None else self.model.name,
            "model_id": header.model_id.hex(),
            "rate_bpp": self.rate_bpp,
            "bits_per_dim": self.bits_per_dim,
            "tiles": header.tiles,
            "tile_side": header.tile_side,
            "stream_bytes": list(self.layout.stream_bytes),
            "section_bytes": {s.name: s.total_bytes for s in self.layout.sections},
            "overhead_bytes": self.layout.overhead_bytes,
        }


def _installed_model(model_id: bytes) -> ModelSummary | None:
    from vqzip.families.installed import summary
    from vqzip.models.places import find_by_id

    try:
        return summary(find_by_id(model_id))
    except ModelError:
        # Most facts do not need the model; a damaged model counts as missing.
        return None


def _print_table(name: str, facts: Facts) -> None:
    from rich.table import Table

    layout, header = facts.layout, facts.layout.header
    identity = header.model_id.hex()
    rows = [
        ("file", f"{shown_name(name)}, {layout.total_bytes:,} bytes"),
        ("picture", f"{header.width} x {header.height}, {header.mode}"),
        ("quality", facts.quality),
        (
            "model",
            f"{facts.model.name} ({identity})" if facts.model else f"{identity}, not installed",
        ),
        (
            "rate",
            f"{facts.rate_bpp:.4f} bits per pixel, {facts.bits_per_dim:.4f} bits per dimension",
        ),
        *((stream, _share(size, layout)) for stream, size in facts.streams),
        *((section.name, _share(section.total_bytes, layout)) for section in layout.sections),
        ("header and checks", _share(layout.overhead_bytes, layout)),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    stdout_console().print(table)


def _share(size: int, layout: Layout) -> str:
    return f"{size:,} bytes, {size / layout.total_bytes:.1%}"
