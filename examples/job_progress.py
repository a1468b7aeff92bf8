"""Progress of a long job, by the job's id in the path.

``POST /jobs`` starts a job; any number of clients may watch it at ``/jobs/<job_id>``, from whenever they
come until it is done, when they are closed with 1000. A slow client skips steps and is never told an old
one. The id of no job is refused with HTTP 404 before the connection is accepted.

Run:  granian --interface rsgi examples.job_progress:app
  or  uvicorn examples.job_progress:app
Try:  curl -X POST -d '{"steps": 20}' http://127.0.0.1:8000/jobs
      python -m websockets ws://127.0.0.1:8000/jobs/<the job_id it answers>
"""

import asyncio
import uuid

from starlette.requests import Request

from anysocket import App, Denied, WebSocket

SECONDS_PER_STEP = 0.1
MAX_STEPS = 1000

app = App()


class Job:
    """Work in steps, done in a task of its own; ``changed`` is set, and replaced, at each step."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.steps_done = 0
        self.changed = asyncio.Event()
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        while self.steps_done < self.steps:
            await asyncio.sleep(SECONDS_PER_STEP)  # the work
            self.steps_done += 1
            self.changed.set()
            self.changed = asyncio.Event()


jobs: dict[str, Job] = {}


@app.post("/jobs")
async def start_job(request: Request) -> tuple[dict[str, str], int]:
    body = await request.json()
    steps = body.get("steps") if isinstance(body, dict) else None
    if type(steps) is not int or not 1 <= steps <= MAX_STEPS:
        return {"error": f"steps must be a number from 1 to {MAX_STEPS}"}, 400
    job_id = uuid.uuid4().hex
    jobs[job_id] = Job(steps)
    return {"job_id": job_id}, 201


@app.websocket("/jobs/<job_id>")
async def watch_job(websocket: WebSocket, job_id: str) -> None:
    job = jobs.get(job_id)
    if job is None:
        raise Denied(404, body="no such job")
    await websocket.accept()
    while True:
        changed = job.changed  # taken before the sending, so that a step made meanwhile is not missed
        done = job.steps_done
        await websocket.send_json({"percent": 100 * done // job.steps, "done": done == job.steps})
        if done == job.steps:
            return
        await changed.wait()
