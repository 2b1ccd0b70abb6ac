"""The page of an evaluation in a real browser: on a phone and on a desk, in light, in dark and on paper.

`python tests/pages/report.py ROUTELLM [SHOTS]`: the command, and a folder for pictures of it. Needs Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}
#: A browser that opens no connection of its own.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def rows() -> str:
    """Answers of three models, with what they cost; the strong one solves what the weak ones do not."""
    lines = []
    for i in range(160):
        hard, odd = i % 3 == 0, i % 5 == 0
        prompt = f"integral of x number {i}, for <b>all</b> & every n" if hard else f"greet person {i}"
        lines.append(
            json.dumps(
                {
                    "prompt": prompt,
                    "topic": "maths" if hard else "talk",
                    "big": 1.0,
                    "middle": 0.0 if hard and odd else 1.0,
                    "small": 0.0 if hard else 1.0,
                    "big_cost": 0.01,
                    "middle_cost": 0.002,
                    "small_cost": 0.0004,
                }
            )
        )
    return "\n".join(lines) + "\n"


def report(command: str, folder: Path) -> Path:
    (folder / "data.jsonl").write_text(rows(), encoding="utf-8")
    arguments = ["eval", "default", "--data", "data.jsonl", "--pair", "big", "small", "--draws", "100"]
    arguments += ["--with-prompts", "--out", "report"]
    subprocess.run([command, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return folder / "report" / "report.html"


class Look:
    """A page that was opened, and what it did that it should not."""

    def __init__(self, browser: Browser, path: Path, size: tuple[int, int], scheme: str) -> None:
        width, height = size
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self.request)
        self.page.goto(path.as_uri())

    def request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.faults.append(f"request: {request.url}")


def check_quiet(look: Look) -> None:
    assert not look.faults, look.faults


def check_width(look: Look) -> None:
    """Only tables scroll to the side, each in a frame of its own."""
    wide = look.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"the page is {wide} pixels too wide"


def check_plots(look: Look) -> None:
    plots = look.page.query_selector_all("figure svg")
    assert len(plots) >= 4, len(plots)
    for plot in plots:
        label = plot.get_attribute("aria-label")
        assert label, "a plot without a name"
        box = plot.bounding_box()
        assert box and box["width"] > 200 and box["height"] > 120, (label, box)
        assert plot.query_selector("polyline, path, rect"), label
    text = look.page.inner_html("main")
    assert "#0100" not in text, "a colour that stands for a variable was left"


def check_slider(look: Look) -> None:
    """By keyboard alone: numbers and the mark follow."""
    page = look.page
    slider = page.locator(".chooser input[type=range]").first
    share = page.locator('[data-show="share"]').first
    slider.focus()
    page.keyboard.press("Home")
    first, told = share.inner_text(), slider.get_attribute("aria-valuetext")
    assert first == "0.0 %", first
    assert told and "to strong" in told, told
    mark = page.locator("figure svg circle[stroke='var(--text)']").first
    before = mark.get_attribute("cx")
    page.keyboard.press("End")
    assert share.inner_text() == "100.0 %", share.inner_text()
    assert mark.get_attribute("cx") != before
    cost = page.locator('[data-show="cost"]').first.inner_text()
    assert cost == "$10.00", cost


def check_words(look: Look) -> None:
    """Prompts stand there as text, whatever they hold."""
    text = look.page.text_content("main") or ""
    assert "<b>all</b> & every n" in text, "a prompt"
    for word in ("random", "length", "oracle", "best single model", "maths", "talk"):
        assert word in text, word


def check_access(look: Look) -> None:
    found = Axe().run(look.page)
    wrong = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]]
    assert not wrong, wrong


def check_paper(look: Look) -> None:
    look.page.emulate_media(media="print")
    assert not look.page.locator(".chooser").first.is_visible()
    assert look.page.locator("table").first.is_visible()
    look.page.emulate_media(media="screen")


CHECKS: list[Callable[[Look], None]] = [
    check_width,
    check_plots,
    check_slider,
    check_words,
    check_access,
    check_paper,
    check_quiet,
]


def main() -> int:
    command, *shots = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("skipped: pages in a browser: no Chromium (apt install chromium)")
        required = int(os.environ.get("ROUTELLM_REQUIRE_ALL") == "1")
        print(f"pages: 0 passed, {required} failed, {1 - required} skipped")
        return required
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        path = report(str(Path(command).resolve()), Path(name))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for where, size in WIDTHS.items():
            for scheme in ("light", "dark"):
                look = Look(browser, path, size, scheme)
                for check in CHECKS:
                    try:
                        check(look)
                        passed += 1
                    except AssertionError as error:
                        failed += 1
                        print(f"failed: {check.__name__} on {where}, {scheme}: {error}")
                if shots:
                    look.page.screenshot(path=Path(shots[0]) / f"report-{where}-{scheme}.png", full_page=True)
                look.context.close()
        browser.close()
    print(f"pages: {passed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
