"""Runs a call with several files: progress, lines of JSON, a summary, and the names of what failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vqzip.batch.copying import copy_file
from vqzip.batch.outcomes import Outcome, Totals
from vqzip.batch.workers import Crew, Work
from vqzip.cli.call import Call
from vqzip.cli.console import print_error, print_result, readable_size, readable_time
from vqzip.cli.files_display import BytesDisplay
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.files import shown_name

if TYPE_CHECKING:
    from vqzip.batch.plan import Plan

MOST_LINES = 5
"""Longer lists of names are cut."""


@dataclass(frozen=True)
class Words:
    """How a command speaks of its files.

    Args:
        doing: such as `encoding`.
        done: such as `encoded`.
        kind: of the inputs, in the plural.
    """

    doing: str
    done: str
    kind: str


@dataclass
class Notes:
    """What is said at the end."""

    failed: list[Outcome] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    first_with: dict[str, Path] = field(default_factory=dict)
    unused: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Remember what is to be said of a file."""
        if outcome.error is not None:
            self.failed.append(outcome)
        if "unused" in outcome.facts:
            self.unused.append(outcome)
        for warning in outcome.warnings:
            self.warnings[warning] += 1
            self.first_with.setdefault(warning, outcome.task.source)


def run_many(call: Call, plan: Plan, work: Callable[[Crew], Work], jobs: int, words: Words) -> None:
    """Work on all files of a plan.

    Raises:
        Exit: with status 1, if a file failed.
    """
    started = time.perf_counter()
    _say_clashes(call, plan)
    if call.dry_run:
        _show(call, plan)
        return
    for task in plan.skipped:
        call.print_outcome(Outcome(task, "skipped"))
    plan.prepare()
    crew, totals, notes = Crew(jobs, fail_fast=call.fail_fast), Totals(), Notes()
    total = sum(_size(task.source) for task in plan.tasks)
    with (
        native_stderr_muted(),
        BytesDisplay(words.doing, len(plan.tasks), total, call.quiet) as bar,
    ):
        for outcome in crew.run(plan.tasks, work(crew), bar.add):
            totals.add(outcome)
            notes.add(outcome)
            call.print_outcome(outcome)
        if not (notes.failed and call.fail_fast):
            for task in plan.copies:
                outcome = copy_file(task, force=call.force)
                notes.add(outcome)
                call.print_outcome(outcome)
    call.note(_summary(plan, totals, words, time.perf_counter() - started))
    _say_notes(call, notes, words)
    if notes.failed:
        raise typer.Exit(1)


def _say_clashes(call: Call, plan: Plan) -> None:
    for clash in plan.clashes[:MOST_LINES]:
        pairs = (f"{task.source} -> {task.output}" for task in clash.tasks)
        call.note(f"vqzip: more than one file for {clash.wanted}: {', '.join(pairs)}")
    more = len(plan.clashes) - MOST_LINES
    if more > 0:
        call.note(f"vqzip: and {more} more such names; --dry-run shows all names.")


def _show(call: Call, plan: Plan) -> None:
    """Print what would be done."""
    for tasks, status in ((plan.tasks, "encode"), (plan.copies, "copy"), (plan.skipped, "skip")):
        for task in tasks:
            if call.as_json:
                call.print_outcome(Outcome(task, "planned" if status != "skip" else "skipped"))
            elif status == "skip":
                print_result(f"{shown_name(task.source)}: skipped")
            else:
                print_result(f"{shown_name(task.source)} -> {shown_name(task.output)}")
    call.note(
        f"{_count(len(plan.tasks), 'file')} to write, {len(plan.copies)} to copy, "
        f"{len(plan.skipped)} to skip; nothing was done."
    )


def _summary(plan: Plan, totals: Totals, words: Words, seconds: float) -> str:
    tried = totals.done + totals.failed
    sizes = f"{readable_size(totals.bytes_in)} -> {readable_size(totals.bytes_out)}"
    parts = [f"{totals.done} {words.kind} {words.done}: {sizes} ({totals.ratio})"]
    if not totals.done:
        parts = [f"no {words.kind} {words.done}"]
    parts.append(readable_time(seconds))
    if plan.skipped:
        parts.append(f"{len(plan.skipped)} skipped")
    if totals.failed:
        parts.append(f"{totals.failed} failed")
    if len(plan.tasks) > tried:
        parts.append(f"{len(plan.tasks) - tried} not tried")
    if plan.copies:
        parts.append(f"{_count(len(plan.copies), 'other file')} copied")
    elif plan.others:
        parts.append(f"{_count(plan.others, 'other file')} left alone")
    return ", ".join(parts)


def _say_notes(call: Call, notes: Notes, words: Words) -> None:
    for warning, count in notes.warnings.most_common():
        first = notes.first_with[warning]
        some = f"{first} has" if count == 1 else f"{count} files, such as {first}, have"
        if words.done == "encoded":
            call.note(f"vqzip: warning: {some} {warning}, which a .vqz file does not keep.")
        else:
            call.note(f"vqzip: warning: {some.rsplit(' ', 1)[0]}: {warning}.")
    if notes.unused:
        far = notes.unused[0]
        call.note(
            f"vqzip: {_count(len(notes.unused), 'target')} out of the model's range, such as "
            f"{far.task.source}: {far.facts['unused']}."
        )
    for outcome in notes.failed:
        name, error = str(outcome.task.source), str(outcome.error)
        # Most messages begin with the name of the file.
        print_error(error if error.startswith(name) else f"{name}: {error}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
