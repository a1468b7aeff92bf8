"""The proxies' configurations of docs/production.md, as they are there but for addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from anysocket import Capability
from anysocket_servers import Running
from anysocket_servers._certificates import Certificates, certificates
from brokers import free_port

PAGE = Path(__file__).parents[2] / "docs" / "production.md"
APPS = Path(__file__).parent / "apps"
TIMEOUT = 10.0
ELSEWHERE = ("127.0.0.2", 0)
"""The client's own address, by which it is no proxy."""

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


CADDY = """
{
    admin off
    auto_https disable_redirects
    servers {
        protocols h1 h2
    }
}
"""
"""Nothing on ports that nobody asked for; HTTP/3 would listen on UDP, too."""


def block(beginning: str) -> str:
    """The configuration on the page that has this in it."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (found,) = [each for each in blocks if beginning in each]
    return str(found)


def nginx(folder: Path, port: int, app: int, files: Certificates | None) -> tuple[list[str], str]:
    listen = f"listen 127.0.0.1:{port};"
    if files is not None:
        keys = f"ssl_certificate {files.certificate}; ssl_certificate_key {files.key};"
        listen = f"listen 127.0.0.1:{port} ssl; {keys}"
    text = block("proxy_pass").replace("server {", f"server {{ {listen}")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{app}")
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "configuration")]
    return command, NGINX.format(folder=folder, block=text)


def caddy(folder: Path, port: int, app: int, files: Certificates | None) -> tuple[list[str], str]:
    site = f"http://127.0.0.1:{port} {{"
    if files is not None:
        site = f"https://127.0.0.1:{port} {{\n    tls {files.certificate} {files.key}"
    text = block("reverse_proxy").replace("example.com {", site)
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{app}")
    if caddy_version() < (2, 7):
        text = re.sub(r"^ *stream_close_delay.*\n", "", text, flags=re.MULTILINE)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "configuration")]
    return command, CADDY + text


def haproxy(folder: Path, port: int, app: int, files: Certificates | None) -> tuple[list[str], str]:
    bind = f"bind 127.0.0.1:{port}"
    if files is not None:
        both = folder / "both.pem"
        both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
        bind += f" ssl crt {both}"
    text = re.sub(r"bind :443 ssl .*", bind, block("httpchk"))
    text = re.sub(r"127.0.0.1:800\d", f"127.0.0.1:{app}", text)
    return ["haproxy", "-db", "-f", str(folder / "configuration")], text


MAKERS: dict[str, Callable[[Path, int, int, Certificates | None], tuple[list[str], str]]] = {
    "nginx": nginx,
    "caddy": caddy,
    "haproxy": haproxy,
}


def caddy_version() -> tuple[int, ...]:
    output = subprocess.run(["caddy", "version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", output)[:2]))


def is_ready(port: int, trust: ssl.SSLContext | None) -> bool:
    with contextlib.suppress(OSError, HTTPException):
        connection = (
            HTTPConnection("127.0.0.1", port, timeout=1)
            if trust is None
            else HTTPSConnection("127.0.0.1", port, timeout=1, context=trust)
        )
        with contextlib.closing(connection):
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
    return False


class Proxies:
    """Starts them, in front of one app; with TLS if there are ``files`` for it."""

    def __init__(
        self, name: str, app: int, folder: Path, stack: ExitStack, files: Certificates | None
    ) -> None:
        self.name = name
        self._files = files
        self._trust = files.trust() if files is not None else None
        self._app = app
        self._folder = folder
        self._stack = stack

    def start(self, **changes: str) -> int:
        """One with these words of its configuration changed; its port."""
        port = free_port()
        folder = self._folder / str(port)
        folder.mkdir()
        command, text = MAKERS[self.name](folder, port, self._app, self._files)
        for old, new in changes.items():
            assert f" {old}" in text, text
            text = text.replace(f" {old}", f" {new}")
        (folder / "configuration").write_text(text)
        log = self._stack.enter_context((folder / "log").open("wb"))
        environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._stack.callback(process.wait, TIMEOUT)
        self._stack.callback(process.terminate)
        self._wait(port, process, folder / "log")
        return port

    def _wait(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        end = time.monotonic() + TIMEOUT
        while not is_ready(port, self._trust):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)

    def enter(self, port: int, **options: Any) -> Any:
        """A peer in the room, through the proxy there."""
        scheme = "ws" if self._trust is None else "wss"
        url = f"{scheme}://127.0.0.1:{port}/rooms/a"
        return connect(url, ssl=self._trust, proxy=None, local_addr=ELSEWHERE, **options)


@pytest.fixture(params=MAKERS)
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture
def scheme() -> str:
    """Of what browsers are told to open."""
    return "http"


@pytest.fixture
def proxies(program: str, scheme: str, serve: Callable[..., Running], tmp_path: Path) -> Iterator[Proxies]:
    files = certificates() if scheme == "https" else None
    running = serve("proxied:app", APPS)
    with ExitStack() as stack:
        yield Proxies(program, running.endpoint.port, tmp_path, stack, files)


async def told(peer: ClientConnection) -> Any:
    async with asyncio.timeout(TIMEOUT):
        return json.loads(await peer.recv())


async def closed(peer: ClientConnection) -> ConnectionClosed:
    async with asyncio.timeout(TIMEOUT):
        with pytest.raises(ConnectionClosed) as raised:
            await peer.recv()
    return raised.value


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.servers("granian-rsgi", "granian-asgi")
async def test_a_room_behind_a_proxy(proxies: Proxies, server: Any, scheme: str) -> None:
    port = proxies.start()
    headers = {"X-Forwarded-For": "203.0.113.9", "Origin": f"{scheme}://127.0.0.1:{port}"}
    seen = {"client": "127.0.0.2", "scheme": scheme.replace("http", "ws")}
    async with proxies.enter(port, additional_headers=headers) as one, proxies.enter(port) as two:
        for peer in one, two:
            assert await told(peer) == seen, "whatever it claims to be"
        await one.send('"text"')
        assert [await told(peer) for peer in (one, two)] == ["text"] * 2
        await two.send("bye")
        error = await closed(two)
        assert error.rcvd is not None, "a close frame came"
        assert error.rcvd.code == (4001 if Capability.CLOSE_CODE in server.capabilities else 1005)


@pytest.mark.parametrize("program", ["nginx", "haproxy"], indirect=True)
@pytest.mark.servers("granian-rsgi")
async def test_who_is_silent_is_cut_by_the_option_that_the_page_names(proxies: Proxies) -> None:
    others = {"60s": "1s"} if proxies.name == "haproxy" else {}
    async with (
        proxies.enter(proxies.start(**{"1h": "1s"}, **others)) as cut,
        proxies.enter(proxies.start(**others)) as kept,
    ):
        await told(cut)
        await told(kept)
        assert (await closed(cut)).rcvd is None
        await kept.send('"still here"')
        assert await told(kept) == "still here"
