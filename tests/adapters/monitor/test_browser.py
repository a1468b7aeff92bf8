"""The live page in a real browser: its numbers follow what clients do, and no name on it does anything.

Needs Debian's chromium and the playwright package, and is skipped without them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

APPS = Path(__file__).parent / "apps"
CHROMIUM = "/usr/bin/chromium"
DESKTOP = {"width": 1100, "height": 760}
PHONE = {"width": 390, "height": 780}
SECOND = 1000
EVIL = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"

if not os.path.exists(CHROMIUM):
    pytest.skip(f"needs {CHROMIUM}", allow_module_level=True)
playwright: Any = pytest.importorskip("playwright.async_api", reason="needs the playwright package")
expect = playwright.expect

pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio")


@pytest.fixture
def running(start_server: Any) -> Any:
    return start_server("watched:app", APPS)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains about, which fails the test if it is not to be expected."""
    return []


@pytest_asyncio.fixture
async def open_page(running: Any, complaints: list[str]) -> AsyncIterator[Any]:
    """Open a page of the server."""
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        async def open_page(path: str = "/_anysocket/", **options: Any) -> Any:
            page = await browser.new_page(**{"viewport": DESKTOP, **options})
            page.set_default_timeout(10 * SECOND)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
            await page.goto(running.url + path)
            return page

        yield open_page
        await browser.close()
    assert complaints == []


async def shows(page: Any, id: str, text: str) -> None:
    await expect(page.locator(f"#{id}")).to_have_text(text, timeout=10 * SECOND)


async def test_numbers_follow_what_clients_do(running: Any, open_page: Any) -> None:
    page = await open_page()
    await expect(page.get_by_role("status")).to_contain_text("live · process")
    await shows(page, "connections", "0")
    await expect(page.get_by_text("no rooms")).to_be_visible()
    async with running.connect("/rooms/kitchen") as ann:
        async with running.connect("/rooms/kitchen") as bob:
            await shows(page, "connections", "2")
            await shows(page, "room-count", "1")
            await expect(page.locator("#rooms li")).to_have_text("kitchen2")
            await expect(page.get_by_text("no rooms")).to_be_hidden()
            for peer in (ann, bob):
                assert await peer.receive_text() == "in"
            for number in range(50):
                await ann.send_text(str(number))
                assert await ann.receive_text() == await bob.receive_text() == str(number)
            # The chart reached from 0 to 1 before.
            await expect(page.locator("#chart-top")).not_to_have_text("1")
            await expect(page.locator("#sent-line")).to_have_attribute("d", re.compile("^M.+L.+"))
        await shows(page, "connections", "1")
        await expect(page.locator("#closes li")).to_have_count(1)
    await shows(page, "connections", "0")
    await expect(page.get_by_text("no rooms")).to_be_visible()
    await shows(page, "sent-rate", "0")


async def test_names_are_text(running: Any, open_page: Any) -> None:
    page = await open_page()
    async with running.connect("/rooms/" + quote(EVIL)):
        await expect(page.locator("#rooms li bdi")).to_have_text(EVIL)
        assert await page.locator("#rooms script, #rooms img").count() == 0
        assert await page.title() == "anysocket monitor"


async def test_who_is_not_allowed_sees_how_to_be(open_page: Any, complaints: list[str]) -> None:
    page = await open_page("/by-key/", extra_http_headers={"x-key": "secret"})
    await expect(page.get_by_role("status")).to_contain_text("live")
    for path, text in (("/off/", "def allow(request):"), ("/by-key/", "allow(request)")):
        denied = await open_page(path)
        await expect(denied.locator("body")).to_contain_text(text)
        assert await denied.locator("#tiles").count() == 0
    # And the browser wants an icon for a page of text, which the app has not.
    assert {re.findall("status of (.*)$", complaint)[0][:3] for complaint in complaints} <= {"403", "404"}
    complaints.clear()


async def test_a_server_that_is_gone_is_told(open_page: Any, complaints: list[str]) -> None:
    page = await open_page()
    await expect(page.get_by_role("status")).to_contain_text("live")
    await page.route("**/stats.json", lambda route: route.abort())
    await expect(page.get_by_role("status")).to_have_text("no answer", timeout=10 * SECOND)
    await page.unroute("**/stats.json")
    await expect(page.get_by_role("status")).to_contain_text("live", timeout=10 * SECOND)
    assert all("ERR_FAILED" in complaint for complaint in complaints)
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_on_a_phone_and_can_be_read(running: Any, open_page: Any, scheme: str) -> None:
    page = await open_page(viewport=PHONE, color_scheme=scheme)
    async with contextlib.AsyncExitStack() as stack:
        for room in ("a" * 200, "b"):
            await stack.enter_async_context(running.connect(f"/rooms/{room}"))
        await shows(page, "connections", "2")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        paper, ink = await page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert contrast(paper, ink) >= 7


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
