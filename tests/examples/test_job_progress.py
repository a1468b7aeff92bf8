"""Progress is told to all who watch, until the job is done; there is no watching a job that is none."""

from __future__ import annotations

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.job_progress:app"


async def start_job(example, steps):
    response = await example.request("POST", "/jobs", json={"steps": steps})
    assert response.status == 201
    return response.json()["job_id"]


async def watch(example, peer):
    """The percentages told until the job is done."""
    percentages = []
    while True:
        progress = await peer.receive_json()
        percentages.append(progress["percent"])
        if progress["done"]:
            return percentages


async def test_progress_grows_until_done_then_the_server_closes(example):
    job_id = await start_job(example, steps=10)
    async with example.connect(f"/jobs/{job_id}") as peer:
        percentages = await watch(example, peer)
        example.assert_closed(await peer.receive_close(), 1000)
    assert percentages == sorted(set(percentages))
    assert set(percentages) <= set(range(0, 101, 10))
    assert percentages[-1] == 100
    assert len(percentages) >= 3


async def test_several_watch_one_job_and_one_who_leaves_does_not_stop_it(example):
    job_id = await start_job(example, steps=10)
    async with example.connect(f"/jobs/{job_id}") as leaving, example.connect(f"/jobs/{job_id}") as staying:
        await leaving.receive_json()
        await leaving.abort()
        assert (await watch(example, staying))[-1] == 100


async def test_late_watcher_is_told_at_once_that_the_job_is_done(example):
    job_id = await start_job(example, steps=1)
    async with example.connect(f"/jobs/{job_id}") as peer:
        await watch(example, peer)
    async with example.connect(f"/jobs/{job_id}") as late:
        assert await late.receive_json() == {"percent": 100, "done": True}


async def test_unknown_job_is_refused(example):
    example.assert_refused(await example.refused("/jobs/no-such-job"), 404, "no such job")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"steps": 0}', b'{"steps": true}', b'{"steps": 1001}'])
async def test_job_without_a_sensible_number_of_steps_is_not_started(example, body):
    assert (await example.request("POST", "/jobs", body=body)).status == 400
