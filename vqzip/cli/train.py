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
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder of pictures, searched recursively; for families that are trained by likelihood, "
            "pictures of one size or the IDX files of MNIST and its like.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Run folder for checkpoints, the log, and finally `model`."
        ),
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Pictures to fit the qualities on. Default: some of --data."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint of the run folder.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL", help="Start from the weights of this model folder, where they fit."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Stop after this many minutes instead of the recipe's number of steps."
        ),
    ] = None,
    device: Device = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of the recipe, such as phases.vqvae.batch=4; can be repeated.",
        ),
    ] = None,
) -> None:
    """Train a model on a folder of pictures.

    With a recipe of a model with codes, the VQ-VAE is trained first, then the prior; then the prior is
    converted to integers. The result is a model for `encode --model DIR`. --resume continues an interrupted run.
    """
    from vqzip.training.start import start_run

    try:
        with TrainingDisplay() as display:
            folder = start_run(
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
        print_note("stopped; the same command with --resume continues from the last checkpoint")
        raise
    print_note(f"{folder}: the finished model, for --model")


class TrainingDisplay:
    """A progress bar for each phase on a terminal, with the last metrics, speed and time left."""

    def __init__(self) -> None:
        console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f} %", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
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
        """Show the progress of a phase."""
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
