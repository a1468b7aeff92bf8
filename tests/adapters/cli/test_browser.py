"""The page of `anysocket demo` in a real browser: two people chat, on a desktop and on a phone.

Needs Debian's chromium and the playwright package, and is skipped without them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from anysocket import Capability
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import choose_server
from anysocket_servers import ProcessRunning, Server

CHROMIUM = "/usr/bin/chromium"
DESKTOP = {"width": 1100, "height": 760}
PHONE = {"width": 390, "height": 780}
SECOND = 1000

if not os.path.exists(CHROMIUM):
    pytest.skip(f"needs {CHROMIUM}", allow_module_level=True)
playwright: Any = pytest.importorskip("playwright.sync_api", reason="needs the playwright package")
expect = playwright.expect


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The demo on the best server that is installed."""
    try:
        name = choose_server(None).name
    except Mistake as mistake:
        pytest.skip(str(mistake))
    ready = "Started worker-1" if name == "granian" else ""
    command = "anysocket demo --port {port}"
    server = Server(command, command, (), "asgi", Capability(0), command, ready)
    running = ProcessRunning(server, "", {}, (), "127.0.0.1")
    yield running.url
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Open the chat as someone new; what the browser complains about fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(name: str, viewport: dict[str, int] = DESKTOP, **options: Any) -> Any:
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10 * SECOND)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(address)
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Enter").click()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def say(page: Any, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").click()


def log(page: Any) -> Any:
    return page.get_by_role("log")


def person(page: Any, name: str) -> Any:
    return page.get_by_role("region", name="People").get_by_role("button", name=name)


def test_two_people_chat(open_page):
    ada, bob = open_page("Ada"), open_page("Bob")
    expect(log(ada)).to_contain_text("Bob joined")
    expect(ada.get_by_text("2 people here")).to_be_visible()
    say(ada, "hello Bob")
    expect(log(bob)).to_contain_text("hello Bob")
    expect(ada.get_by_label("Message", exact=True)).to_have_value("")
    bob.get_by_label("Message", exact=True).press_sequentially("hi")
    expect(ada.get_by_text("Bob is typing")).to_be_visible()
    expect(bob.get_by_text("is typing")).to_have_count(0)
    bob.get_by_label("Message", exact=True).press("Enter")
    expect(log(ada)).to_contain_text("hi")
    expect(ada.get_by_text("Bob is typing")).to_have_count(0)
    bob.close()
    expect(log(ada)).to_contain_text("Bob left")


def test_typing_is_forgotten_after_a_while(open_page):
    ada, bob = open_page("Ada"), open_page("Bob")
    expect(log(ada)).to_contain_text("Bob joined")
    bob.get_by_label("Message", exact=True).press_sequentially("h")
    expect(ada.get_by_text("Bob is typing")).to_be_visible()
    expect(ada.get_by_text("Bob is typing")).to_have_count(0, timeout=8 * SECOND)


def test_private_message(open_page):
    ada, bob, eve = open_page("Ada"), open_page("Bob"), open_page("Eve")
    person(ada, "Bob").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Bob")
    say(ada, "only for you")
    expect(log(ada)).to_contain_text("only for you")
    expect(person(bob, "Ada")).to_contain_text("1 unread")
    expect(bob).to_have_title("(1) anysocket chat")
    expect(log(bob)).not_to_contain_text("only for you")
    person(bob, "Ada").click()
    expect(log(bob)).to_contain_text("only for you")
    expect(bob).to_have_title("anysocket chat")
    say(bob, "and for you")
    expect(log(ada)).to_contain_text("and for you")
    expect(person(eve, "Ada")).not_to_contain_text("unread")
    bob.close()
    expect(ada.get_by_text("Private · offline")).to_be_visible()
    say(ada, "still there?")
    expect(log(ada)).to_contain_text("Bob is not here")


def test_rooms(open_page):
    ada, bob = open_page("Ada"), open_page("Bob")
    ada.get_by_label("New room").fill("Tea  Party")
    ada.get_by_role("button", name="Create room").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("# tea party")
    expect(log(bob)).to_contain_text("Ada left")
    bob.get_by_role("region", name="Rooms").get_by_role("button", name="tea party").click()
    expect(log(ada)).to_contain_text("Bob joined")
    say(bob, "a cup, please")
    expect(log(ada)).to_contain_text("a cup, please")


def test_what_others_write_is_never_html(open_page):
    evil = "<img src=x onerror=alert(1)>"
    ada, bob = open_page("Ada"), open_page("<b>Bob</b>")
    expect(log(ada)).to_contain_text("<b>Bob</b> joined")
    say(bob, evil)
    expect(log(ada)).to_contain_text(evil)
    expect(person(ada, "<b>Bob</b>")).to_be_visible()
    assert ada.locator("#log img, #log b, #side b").count() == 0


def test_name_that_is_taken_is_asked_for_again(open_page):
    open_page("Ada")
    second = open_page("ada")
    expect(second.get_by_role("alert")).to_have_text("ada is here already, choose another name")
    second.get_by_label("Your name").fill("Ann")
    second.get_by_role("button", name="Enter").click()
    expect(log(second)).to_contain_text("You joined")


def test_reload_keeps_name_and_room(open_page):
    page = open_page("Ada")
    page.get_by_role("region", name="Rooms").get_by_role("button", name="random").click()
    expect(log(page)).to_contain_text("You joined")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("# random")
    expect(log(page)).to_contain_text("You joined")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_reconnects_by_itself_after_the_server_was_away(browser):
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    with serving(port):
        page.goto(f"http://127.0.0.1:{port}")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Enter").click()
        expect(log(page)).to_contain_text("You joined")
    expect(page.get_by_role("status")).to_have_text("Reconnecting…")
    say(page, "kept")
    expect(log(page)).to_contain_text("your text is kept")
    with serving(port):
        expect(log(page)).to_contain_text("Connected again", timeout=20 * SECOND)
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".message.mine")).to_contain_text("kept")
        context.close()


@contextlib.contextmanager
def serving(port: str) -> Iterator[None]:
    """The demo on uvicorn, on the port it had before."""
    command = [sys.executable, "-m", "anysocket", "demo", "--server", "uvicorn", "--port", port]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any("Uvicorn running on" in line for line in process.stderr)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=15)


def test_phone(open_page):
    ada = open_page("Ada", PHONE, has_touch=True, is_mobile=True)
    bob = open_page("Bob")
    expect(log(ada)).to_contain_text("Bob joined")
    assert ada.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(ada.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    expect(person(ada, "Bob")).to_have_count(0)  # the side is away, for screen readers too
    opener = ada.get_by_role("button", name="Rooms and people")
    opener.tap()
    expect(opener).to_have_attribute("aria-expanded", "true")
    person(ada, "Bob").tap()
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(ada.get_by_role("heading", level=1)).to_have_text("Bob")
    say(ada, "from my phone")
    expect(person(bob, "Ada")).to_contain_text("1 unread")


def test_keyboard_alone(open_page):
    ada = open_page("Ada")
    expect(log(ada)).to_contain_text("You joined")
    ada.get_by_role("region", name="Rooms").get_by_role("button", name="random").focus()
    ada.keyboard.press("Enter")
    expect(ada.get_by_role("heading", level=1)).to_have_text("# random")
    expect(ada.get_by_label("Message", exact=True)).to_be_focused()
    ada.keyboard.type("two")
    ada.keyboard.press("Shift+Enter")
    ada.keyboard.type("lines")
    ada.keyboard.press("Enter")
    expect(ada.locator(".message .text")).to_have_text("two\nlines")


def test_page_names_every_control_and_loads_nothing_else(open_page):
    page = open_page("Ada")
    expect(log(page)).to_contain_text("You joined")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea")].filter((control) =>
            !control.labels?.length && !control.textContent.trim() && !control.getAttribute("aria-label"))
            .map((control) => control.outerHTML)"""
    )
    assert unnamed == []
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
