"""Names of outputs: no two inputs share one, whatever the order and the system."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vqzip.batch.inputs import Found
from vqzip.batch.names import name_outputs

OUT = Path("out")


def found(*names: str) -> list[Found]:
    return [Found(Path("in") / name, Path(name)) for name in names]


def outputs(files: Iterable[Found], folder: Path | None = OUT) -> list[str]:
    named = name_outputs(list(files), ".vqz", folder=folder)
    return [task.output.as_posix() for task in named.tasks if task.output is not None]


def test_outputs_mirror_the_tree_or_stand_beside_their_inputs() -> None:
    files = found("a.jpg", "day 1/b.PNG")
    assert outputs(files) == ["out/a.vqz", "out/day 1/b.vqz"]
    assert outputs(files, None) == ["in/a.vqz", "in/day 1/b.vqz"]


def test_all_files_of_one_stem_keep_their_suffix_in_any_order() -> None:
    assert outputs(found("a.jpg", "a.png", "b.jpg")) == [
        "out/a.jpg.vqz",
        "out/a.png.vqz",
        "out/b.vqz",
    ]
    assert sorted(outputs(found("a.png", "a.jpg"))) == ["out/a.jpg.vqz", "out/a.png.vqz"]


def test_a_full_name_that_is_the_short_name_of_another_file() -> None:
    names = outputs(found("a.jpg", "a.png", "a.jpg.tif"))
    assert names == ["out/a.jpg.vqz", "out/a.png.vqz", "out/a.jpg.tif.vqz"]


def test_names_that_some_systems_take_for_equal() -> None:
    assert outputs(found("A.jpg", "a.png")) == ["out/A.jpg.vqz", "out/a.png.vqz"]
    assert len({name.casefold() for name in outputs(found("A.jpg", "a.jpg"))}) == 2
    accents = outputs(found("caf\u00e9.jpg", "cafe\u0301.png"))
    assert accents == ["out/caf\u00e9.jpg.vqz", "out/cafe\u0301.png.vqz"]


def test_names_of_other_files_are_taken() -> None:
    named = name_outputs(found("a.jpg"), ".vqz", folder=OUT, taken=[OUT / "a.vqz"])
    assert [task.output for task in named.tasks] == [OUT / "a.jpg.vqz"]


def test_clashes_say_who_and_what() -> None:
    (clash,) = name_outputs(found("a.jpg", "a.png", "b.jpg"), ".vqz", folder=OUT).clashes
    assert clash.wanted == OUT / "a.vqz"
    assert [task.source.name for task in clash.tasks] == ["a.jpg", "a.png"]


names = st.lists(
    st.builds("".join, st.lists(st.sampled_from(["a", "A", "b", ".", ".jpg", ".png", "-2"]), min_size=1))
    .filter(lambda name: name.strip(".") != ""),
    max_size=12,
)  # fmt: skip


@given(names)
def test_no_two_inputs_share_an_output(stems: list[str]) -> None:
    # The same name twice stands for files of two folders.
    made = outputs(found(*stems))
    assert len({name.casefold() for name in made}) == len(stems)
