"""`python dbos_app.py PORT SINK FOLDER`: DBOS on its embedded SQLite: a webhook starts a durable workflow of one call.

Runs by DBOS's own environment, so it imports nothing of ours.
"""

import sys
from typing import Any

import httpx
import uvicorn
from dbos import DBOS, SetWorkflowID
from fastapi import FastAPI, Request

port, sink, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
app = FastAPI()
DBOS(
    config={
        "name": "peer", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "run_admin_server": False,
        "log_level": "ERROR",
    }
)  # fmt: skip
client = None


@DBOS.step(retries_allowed=True)
async def send(phone: str, text: str) -> str:
    global client
    client = client or httpx.AsyncClient()
    answer = await client.post(f"{sink}/sms/send", data={"to": phone, "msg": text, "json": 1})
    return str(answer.json()["status"])


@DBOS.workflow()
async def review(order: dict[str, Any]) -> str:
    return await send(order["phone"].lstrip("+"), "Спасибо! https://example.org/r")


@app.post("/hook")
async def hook(request: Request) -> dict[str, str]:
    (event,) = await request.json()
    with SetWorkflowID(event["eventInfo"]["id"]):  # a repeat of the webhook is the same workflow
        await DBOS.start_workflow_async(review, event["eventInfo"]["order"])
    return {"status": "accepted"}


if __name__ == "__main__":
    DBOS.launch()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, loop="uvloop", http="httptools")
