"""`vqzip train`: a recipe and a folder of pictures to a model folder."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from vqzip.cli.console import print_note, stderr_console
from vqzip.cli.options import Device

if TYPE_CHECKING:
    from rich.progress import TaskID

    from vqzip.training.loop import Progress as TrainingProgress


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a recipe or the path of a TOML file.")
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Pictures, searched for in all folders below.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Run folder: checkpoints, log, and `model` in the end."),
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Pictures to fit the qualities on. Default: some of --data."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run folder's last checkpoint.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL", help="Begin with the weights of this model folder where they fit."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="End well after this long, instead of after the recipe's steps."
        ),
    ] = None,
    device: Device = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a key of the recipe, as vqvae_phase.batch=4."
        ),
    ] = None,
) -> None:
    """Train a model on a folder of pictures.

    The VQ-VAE, then the prior, then the integers that code. What it writes is what `encode --model
    DIR/model` reads. A run that was killed goes on with --resume as if nothing had happened.
    """
    from vqzip.training.run import run

    try:
        with TrainingDisplay() as display:
            folder = run(
                recipe,
                data=data,
                valid=valid,
                start=start,
                out=out,
                resume=resume,
                minutes=minutes,
                device=device,
                settings=settings or [],
                report=display.update,
                note=print_note,
            )
    except KeyboardInterrupt:
        print_note("stopped; the same command with --resume goes on from the last checkpoint")
        raise
    print_note(f"{folder}: a model for --model")


class TrainingDisplay:
    """One bar a phase on a terminal, with the last metrics, speed and the time left."""

    def __init__(self) -> None:
        console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[state]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> TrainingDisplay:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, progress: TrainingProgress) -> None:
        """Show where a phase is."""
        if progress.phase not in self._tasks:
            self._tasks[progress.phase] = self._progress.add_task(progress.phase, total=1, state="")
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in progress.metrics.items())
        state = (
            f"step {progress.step}, {progress.steps_per_second:.1f}/s, "
            f"{_readable_seconds(progress.seconds_left)} left  {metrics}"
        )
        self._progress.update(self._tasks[progress.phase], completed=progress.fraction, state=state)


def _readable_seconds(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
