"""The page of the gateway in a browser: on a phone and on a desk, in light and in dark, before the demo's echo.

`python tests/pages/gateway.py ROUTELLM [SHOTS]`: the command, and a folder for pictures of it. Needs Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from report import FLAGS, WIDTHS

HARD = "Find all c in Z_3 such that Z_3[x]/(x^2 + c) is a field. <b>Prove</b> it."
EASY = "hi"


class Look:
    """The page that was opened, and what it did that it should not."""

    def __init__(self, browser: Browser, address: str, size: tuple[int, int], scheme: str) -> None:
        width, height = size
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.address = address
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self.request)
        self.page.goto(address)
        expect(self.page.locator("#router option")).to_have_count(1)

    def request(self, request: Any) -> None:
        if not request.url.startswith((self.address + "/", "data:")):
            self.faults.append(f"request: {request.url}")

    def ask(self, text: str, share: str) -> Any:
        """Ask by keyboard alone, at this end of the slider, and return the answer's element."""
        page = self.page
        page.locator("#share").focus()
        page.keyboard.press(share)
        count = page.locator(".message").count()
        page.locator("#prompt").focus()
        page.keyboard.insert_text(text)
        page.keyboard.press("Enter")
        answer = page.locator(".message").nth(count + 1)
        expect(page.locator("#status")).to_have_text("Answered.", timeout=30_000)
        return answer


def check_chat(look: Look) -> None:
    """Each end of the slider has its model; words come as they are."""
    strong = look.ask(HARD, "End")
    assert strong.locator(".who").inner_text() == "strong", strong.inner_text()
    assert HARD in strong.locator(".text").inner_text(), strong.inner_text()
    line = strong.locator(".decision").inner_text()
    assert "Win rate 0." in line and "≥" in line and "µs" in line, line
    weak = look.ask(EASY, "Home")
    assert weak.locator(".who").inner_text() == "weak", weak.inner_text()
    assert "<" in weak.locator(".decision").inner_text()


def check_streaming(look: Look) -> None:
    """Words are shown before the answer has ended, and Stop ends it."""
    page = look.page
    page.locator("#prompt").fill("word " * 300)
    page.locator("#send").click()
    text = page.locator(".message .text").last
    expect(text).to_contain_text("You wrote")
    assert page.locator("#stop").is_visible()
    page.locator("#stop").click()
    expect(page.locator("#status")).to_have_text("Stopped.")
    assert page.locator("#send").is_enabled()


def check_slider(look: Look) -> None:
    """By keyboard: share, threshold and cost follow."""
    page = look.page
    show = {name: page.locator(f'[data-show="{name}"]') for name in ("share", "threshold", "cost")}
    page.locator("#share").focus()
    page.keyboard.press("Home")
    assert show["share"].inner_text() == "0.0 %", show["share"].inner_text()
    assert show["threshold"].inner_text() == "1.0000"
    cheap = float(show["cost"].inner_text().removeprefix("$"))
    page.keyboard.press("End")
    assert show["share"].inner_text() == "100.0 %"
    assert show["threshold"].inner_text() == "0.0000"
    dear = float(show["cost"].inner_text().removeprefix("$"))
    assert dear > 5 * cheap > 0, (dear, cheap)
    assert "to strong" in (page.locator("#share").get_attribute("aria-valuetext") or "")


def check_counters(look: Look) -> None:
    page = look.page
    decisions = int(page.locator('[data-show="decisions"]').inner_text().replace(",", ""))
    assert decisions >= 2, decisions
    assert page.locator('[data-show="live-share"]').inner_text().endswith("%")
    saved = page.locator('[data-show="saved"]').inner_text()
    assert saved.startswith("$") and float(saved[1:]) > 0, saved


def check_feedback(look: Look) -> None:
    page = look.page
    group = page.locator(".feedback").first
    group.get_by_role("button", name="Good answer").click()
    expect(page.locator("#status")).to_have_text("Feedback kept.")
    assert group.get_by_role("button", name="Good answer").get_attribute("aria-pressed") == "true"
    assert group.get_by_role("button", name="Bad answer").is_disabled()


def check_width(look: Look) -> None:
    wide = look.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"the page is {wide} pixels too wide"


def check_access(look: Look) -> None:
    found = Axe().run(look.page)
    wrong = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]]
    assert not wrong, wrong


def check_text(look: Look) -> None:
    """What is written is text, whatever it holds."""
    assert look.page.locator("#log b", has_text="Prove").count() == 0
    assert HARD in look.page.locator(".message").first.inner_text()


def check_clear(look: Look) -> None:
    look.page.locator("#clear").click()
    assert look.page.locator(".message").count() == 0


def check_quiet(look: Look) -> None:
    assert not look.faults, look.faults


CHECKS: list[Callable[[Look], None]] = [
    check_slider,
    check_chat,
    check_counters,
    check_feedback,
    check_text,
    check_width,
    check_access,
    check_streaming,
    check_clear,
    check_quiet,
]


def main() -> int:
    command, *shots = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("skipped: the gateway's page in a browser: no Chromium (apt install chromium)")
        required = int(os.environ.get("ROUTELLM_REQUIRE_ALL") == "1")
        print(f"gateway-page: 0 passed, {required} failed, {1 - required} skipped")
        return required
    passed = failed = 0
    serve = [str(Path(command).resolve()), "--json", "serve", "--demo", "--listen", "127.0.0.1:0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(serve, **pipes) as gateway, sync_playwright() as playwright:
        assert gateway.stdout is not None
        address = json.loads(gateway.stdout.readline())["address"]
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for where, size in WIDTHS.items():
            for scheme in ("light", "dark"):
                look = Look(browser, address, size, scheme)
                for check in CHECKS:
                    if shots and check is check_streaming:
                        look.page.screenshot(path=Path(shots[0]) / f"gateway-{where}-{scheme}.png", full_page=True)
                    try:
                        check(look)
                        passed += 1
                    except AssertionError as error:
                        failed += 1
                        print(f"failed: {check.__name__} on {where}, {scheme}: {error}")
                look.context.close()
        browser.close()
        gateway.send_signal(signal.SIGTERM)
        if gateway.wait() != 0:
            failed += 1
            print(f"failed: the gateway ended with {gateway.returncode}")
    print(f"gateway-page: {passed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
