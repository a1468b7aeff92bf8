"""Datasette, an application that is published, under RSGI."""

from __future__ import annotations

import pytest

pytest.importorskip("datasette", reason="Datasette is not installed")

APP = "datasette_app:app"
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def test_pages(client):
    response = await client.get("/")
    assert response.status_code == 200 and "_memory" in response.text
    assert (await client.get("/nowhere")).status_code == 404


async def test_queries(client):
    query = {"sql": "select 'é' as letter, 7 as number", "_shape": "array"}
    for path in ("/_memory/-/query.json", "/_memory.json"):
        response = await client.get(path, params=query, follow_redirects=True)
        if response.status_code == 200:
            break
    assert response.json() == [{"letter": "é", "number": 7}]


async def test_csv_in_a_stream(client):
    query = {"sql": "select 1 as a, 2 as b"}
    response = await client.get("/_memory.csv", params=query, follow_redirects=True)
    assert (response.status_code, response.text.split()) == (200, ["a,b", "1,2"])


async def test_static_files(client):
    response = await client.get("/-/static/app.css")
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/css")
    assert len(response.content) > 1000
