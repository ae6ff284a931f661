"""`vqzip info`: what .vqz files contain, without decoding them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vqzip.cli.console import print_error, print_result, read_source_bytes, stdout_console
from vqzip.cli.options import AsJson, Recursive, VqzFiles
from vqzip.errors import ModelError, VqzipError
from vqzip.files import shown_name

if TYPE_CHECKING:
    from vqzip.container.parse import Layout
    from vqzip.families.installed import ModelSummary


def info(
    sources: VqzFiles,
    recursive: Recursive = False,
    as_json: AsJson = False,
) -> None:
    """Show what .vqz files contain.

    Size, quality, model, and the bytes of each part of one file; a line for each of several files. Nothing is
    decoded.
    """
    models = Models()
    if len(sources) == 1 and not sources[0].is_dir():
        facts = models.facts(sources[0])
        if as_json:
            print_result(json.dumps(facts.plain()))
        else:
            _print_table(facts)
        return
    from vqzip.batch.inputs import find_vqz_files

    found = find_vqz_files(sources, recursive=recursive, without=None)
    _print_many([file.path for file in found.wanted], models, as_json=as_json)


def _print_many(files: list[Path], models: Models, *, as_json: bool) -> None:
    """Print a line for each file.

    Raises:
        Exit: with status 1, if one cannot be read.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("file", "bytes", "picture", "quality", "model", "bpp"):
        numbers = column in ("bytes", "bpp")
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    errors = []
    for file in files:
        try:
            facts = models.facts(file)
        except (OSError, VqzipError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            errors.append(f"{file}: {reason}")
            continue
        if as_json:
            print_result(json.dumps(facts.plain()))
            continue
        header = facts.layout.header
        table.add_row(
            shown_name(file),
            f"{facts.layout.total_bytes:,}",
            f"{header.width} x {header.height}, {header.mode}",
            facts.quality,
            facts.model.name if facts.model else "not installed",
            f"{facts.rate_bpp:.3f}",
        )
    if not as_json:
        stdout_console().print(table)
    for sentence in errors:
        print_error(sentence)
    if errors:
        raise typer.Exit(1)


class Models:
    """The installed models that files need, each looked up once."""

    def __init__(self) -> None:
        self._found: dict[bytes, ModelSummary | None] = {}

    def facts(self, source: Path) -> Facts:
        """Return the facts about a file.

        Raises:
            OSError: it cannot be read.
            InvalidFile: it is damaged, or no .vqz file.
        """
        from vqzip.container.parse import parse_layout

        layout = parse_layout(read_source_bytes(source))
        model_id = layout.header.model_id
        if model_id not in self._found:
            self._found[model_id] = _installed_model(model_id)
        return Facts(str(source), layout, self._found[model_id])


@dataclass(frozen=True)
class Facts:
    """The facts about a file.

    Args:
        name: of the file.
        layout: which bytes belong to what.
        model: the installed model that it needs; None if it is not installed.
    """

    name: str
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
    def is_lossless(self) -> bool:
        """Whether the file is known to hold every sample."""
        from vqzip.families.pixels import PixelsConfig

        return self.model is not None and isinstance(self.model.config, PixelsConfig)

    @property
    def quality(self) -> str:
        """Quality as text; some models have only one."""
        if self.is_lossless:
            return "lossless"
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
            "file": shown_name(self.name),
            "file_bytes": self.layout.total_bytes,
            "width": header.width,
            "height": header.height,
            "mode": header.mode,
            "quality": header.quality,
            "lossless": self.is_lossless,
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


def _print_table(facts: Facts) -> None:
    from rich.table import Table

    layout, header = facts.layout, facts.layout.header
    identity = header.model_id.hex()
    rows = [
        ("file", f"{shown_name(facts.name)}, {layout.total_bytes:,} bytes"),
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
