"""Pages in a real Chromium, without a network. Without one the tests are skipped, but not in the gate."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
REQUIRED = "BROWSER_REQUIRED"  # the gate sets it: a browser that is not there is a failure then


def require_browser() -> None:
    """Skip, or fail in the gate, where there is no browser."""
    if CHROMIUM is None and os.environ.get(REQUIRED):
        pytest.fail("no Chromium is installed: apt-get install chromium")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")


@dataclass
class Opened:
    """A page, and what it asked for and complained of since it was opened."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Nothing was asked of anything but the file itself, and nothing complained."""
        assert [url for url in self.requests if not url.startswith(("data:", "blob:"))] == []
        assert self.complaints == []

    def axe(self) -> list[str]:
        """What axe-core finds wrong with how the page can be used without a mouse or without eyes."""
        import axe_playwright_python

        source = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
        self.page.evaluate(source)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
            for each in found["violations"]
        ]


@contextmanager
def opened(path: Path, **context: Any) -> Iterator[Opened]:
    """A page of a file, by ``file://``, with networking cut.

    Args:
        path: of the file.
        context: of Playwright's ``new_context``: viewport, color_scheme, ...; ``arguments`` go to Chromium.
    """
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", *context.pop("arguments", [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            inside = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, "offline": True, **context})
            here = Opened(inside.new_page())
            here.page.on("pageerror", lambda error: here.complaints.append(str(error)))
            here.page.on("console", lambda said: here.complaints.append(f"{said.type}: {said.text}"))
            here.page.goto(path.absolute().as_uri())
            here.page.on("request", lambda asked: here.requests.append(asked.url))
            yield here
        finally:
            browser.close()
