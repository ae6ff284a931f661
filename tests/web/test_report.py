"""The page of `vqzip rd-curve` in a headless Chromium: curves toggle, the slider moves, nothing fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.measuring.made_pictures import write_folder
from tests.web.pages import move_slider_and_zoom
from tools.web.chromium import Chromium, find_chromium
from vqzip.cli.app import run

PROGRAM = find_chromium() or ""
pytestmark = [
    pytest.mark.skipif(not PROGRAM, reason="there is no chromium"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Chromium]:
    pictures = write_folder(tmp_path_factory.mktemp("pictures"))
    out = tmp_path_factory.mktemp("out") / "results"
    arguments = ["rd-curve", str(pictures), "--model", str(tiny_model), "-q", "2,4,6"]
    assert run([*arguments, "--anchors", "jpeg,webp", "--out", str(out)]) == 0
    with Chromium(PROGRAM, height=1600) as opened:
        opened.open((out / "index.html").as_uri())
        opened.wait("document.querySelector('#notes').value.includes('bytes')")
        yield opened
        assert opened.faults == []


def select(page: Chromium, selector: str, value: str) -> None:
    page.run(
        f"(() => {{ const element = document.querySelector('{selector}');"
        f"element.value = {json.dumps(value)}; element.dispatchEvent(new Event('change')) }})()"
    )


def test_it_asks_nobody_for_anything(page: Chromium) -> None:
    assert (
        page.run(
            "performance.getEntriesByType('resource').filter(({name}) => !name.startsWith('data:')).length"
        )
        == 0
    )


def test_a_click_in_the_legend_hides_a_curve(page: Chromium) -> None:
    assert page.run("document.querySelectorAll('.u-series').length") == 4
    state = "document.querySelectorAll('.u-series')[2].classList.contains('u-off')"
    assert page.run(state) is False
    page.run("document.querySelectorAll('.u-series th')[2].click()")
    assert page.run(state) is True
    page.run("document.querySelectorAll('.u-series th')[2].click()")
    assert page.run(state) is False


def test_the_cursor_shows_figures(page: Chromium) -> None:
    left, top = page.run(
        "(({left, top}) => [left, top])(document.querySelector('.u-over').getBoundingClientRect())"
    )
    page.mouse("mouseMoved", left + 300, top + 100)
    page.wait("/^[0-9]+[.][0-9]+$/.test(document.querySelectorAll('.u-value')[1].innerText)")


def test_the_axis_and_the_metric_change(page: Chromium) -> None:
    axis = "document.querySelector('.uplot canvas').toDataURL()"
    before = page.run(axis)
    page.run("document.querySelector('#log').click()")
    linear = page.run(axis)
    select(page, "#metric", "1")
    assert len({before, linear, page.run(axis)}) == 3
    page.run("document.querySelector('#log').click()")


def test_the_slider_moves_and_the_wheel_zooms(page: Chromium) -> None:
    page.run("document.querySelector('#view').scrollIntoView({block: 'center'})")
    move_slider_and_zoom(page)


def test_differences_levels_and_bits_are_shown(page: Chromium) -> None:
    right = "document.querySelector('#view .right').toDataURL()"
    seen = {page.run(right)}
    page.run("document.querySelector('#difference').click()")
    for label in ("tiny (4), level 1", "bits of all levels", "bits of level 4"):
        value = page.run(
            f"[...document.querySelector('#right').options].find(({{label}}) => label === '{label}').value"
        )
        before = page.run(right)
        page.run("document.querySelector('#difference').checked = false")
        select(page, "#right", value)
        page.wait(f"{right} !== {json.dumps(before)}")
        seen.add(page.run(right))
    assert len(seen) == 4
    assert "bits a pixel" in page.run("document.querySelector('#notes').value")
    assert page.run("document.querySelectorAll('.strip figure').length") == 4


def test_the_tables_are_there(page: Chromium) -> None:
    assert page.run("document.querySelectorAll('table.results').length") >= 4
    assert "BD-rate" in page.run("document.querySelector('#tables').innerText")


def test_another_picture_is_selected(page: Chromium) -> None:
    page.run("document.querySelectorAll('#thumbs button')[1].click()")
    pressed = "[...document.querySelectorAll('#thumbs button')].map((b) => b.getAttribute('aria-pressed')).join()"
    assert page.run(pressed) == "false,true"
