"""A page that opens a WebSocket to where it is told, on the server of the page or on another."""

from __future__ import annotations

from typing import Any

from anysocket import App, WebSocket

PAGE = b"""<!doctype html>
<link rel="icon" href="data:,">
<title>a page</title>
<p role="status">connecting</p>
<script>
  const show = text => document.querySelector("p").textContent = text;
  const socket = new WebSocket(new URLSearchParams(location.search).get("to"));
  socket.onmessage = event => show(event.data);
  socket.onerror = () => show("refused");
</script>
"""

app = App()
friendly = App(allowed_origins="*")


@app.get("/page")
async def page(request: Any) -> tuple[bytes, int, dict[str, str]]:
    return PAGE, 200, {"content-type": "text/html"}


@app.websocket("/")
@friendly.websocket("/")
async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello from the server")
    await websocket.wait_closed()
