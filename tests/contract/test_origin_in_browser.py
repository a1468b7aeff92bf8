"""A real browser's page may open a WebSocket to its own server and to no other (contract 3.6).

Needs Debian's chromium and the playwright package, and is skipped without them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

CHROMIUM = "/usr/bin/chromium"
SECOND = 1000

if not os.path.exists(CHROMIUM):
    pytest.skip(f"needs {CHROMIUM}", allow_module_level=True)
playwright: Any = pytest.importorskip("playwright.async_api", reason="needs the playwright package")

pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio")


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
def ours(start_server):
    return start_server("origin_app:app")


async def shows(browser: Any, page_of: str, to: str, text: str) -> None:
    """What a page says, that of one server, told to connect to the WebSocket of one."""
    page = await browser.new_page()
    await page.goto(f"{page_of}/page?to={quote(to)}")
    await playwright.expect(page.get_by_role("status")).to_have_text(text, timeout=10 * SECOND)
    await page.close()


async def test_a_page_connects_to_its_own_server(browser: Any, ours: Any) -> None:
    await shows(browser, ours.url, ours.websocket_url, "hello from the server")


async def test_a_page_of_another_origin_is_refused_and_the_log_names_the_setting(
    browser: Any, ours: Any, start_server: Any
) -> None:
    """Another port is another origin; so is another name of the same host."""
    other = start_server("origin_app:app")
    await shows(browser, other.url, ours.websocket_url, "refused")
    log = await ours.logged("allowed_origins=[…]")
    assert f"from origin '{other.url}'" in log
    local = f"http://localhost:{ours.port}"
    await shows(browser, local, ours.websocket_url, "refused")
    await ours.logged(f"from origin '{local}'")


async def test_a_page_of_another_origin_connects_where_it_is_allowed(
    browser: Any, ours: Any, start_server: Any
) -> None:
    friendly = start_server("origin_app:friendly")
    await shows(browser, ours.url, friendly.websocket_url, "hello from the server")
