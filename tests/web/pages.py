"""What tests of pages do with them."""

from __future__ import annotations

from tools.web.chromium import Chromium


def move_slider_and_zoom(page: Chromium) -> None:
    """Drag the slider to a quarter of the picture, turn the wheel there, and check both."""
    box = page.run("(({left, top, width, height}) => [left, top, width, height])"
                   "(document.querySelector('#view').getBoundingClientRect())")  # fmt: skip
    left, top, width, height = box
    middle = top + height / 2
    page.drag((left + width / 2, middle), (left + width / 4, middle))
    assert page.run("document.querySelector('.handle').style.left") == "25%"
    page.mouse("mouseWheel", left + width / 4, middle, deltaX=0, deltaY=-100)
    page.wait("document.querySelector('.right').style.transform.includes('translate(-')")
