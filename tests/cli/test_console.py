import io
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from vqzip.cli import console
from vqzip.errors import PictureError, UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_output_stands_beside_the_input() -> None:
    assert console.output_beside(Path("a/b.c.jpg"), ".vqz") == Path("a/b.c.vqz")
    assert console.output_beside(Path("a/b"), ".vqz") == Path("a/b.vqz")
    assert console.output_beside(console.STREAM, ".vqz") == console.STREAM


def test_outputs_that_are_refused(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    source = tmp_path / "source"
    with pytest.raises(PictureError, match="--force"):
        console.check_output(there, source=source, force=False)
    console.check_output(there, source=source, force=True)
    with pytest.raises(UsageError, match="is the input"):
        console.check_output(there, source=there, force=True)
    with pytest.raises(PictureError, match="is a folder"):
        console.check_output(tmp_path, source=source, force=True)
    with pytest.raises(PictureError, match="no folder"):
        console.check_output(tmp_path / "nowhere" / "out", source=source, force=True)
    console.check_output(Path("/dev/null"), source=source, force=False)


def test_binary_data_stays_away_from_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(UsageError, match="terminal"):
        console.check_output(console.STREAM, source=Path("in"), force=False)
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(UsageError, match="terminal"):
        console.read_source(console.STREAM)


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (60.0, False)])
def test_waiting_shows_itself_after_a_while_and_on_terminals_only(
    monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool
) -> None:
    screen = Terminal()
    monkeypatch.setattr(console, "PATIENCE_SECONDS", patience)
    monkeypatch.setattr(
        console, "stderr_console", lambda: Console(file=screen, force_terminal=True, width=80)
    )
    monkeypatch.setattr(sys, "stderr", screen)
    with console.waiting("thinking"):
        for _ in range(100):
            if "thinking" in screen.getvalue() or not shown:
                break
            time.sleep(0.02)
    assert ("thinking" in screen.getvalue()) == shown
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with console.waiting("thinking"):
        pass
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (9999, "9999 bytes"), (24310, "24.3 kB"), (12345678, "12.3 MB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert console.readable_size(size) == text
