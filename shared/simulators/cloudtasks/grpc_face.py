"""gRPC: the same calls for the official clients (grpcio and google-cloud-tasks are imported only here).

Point `CloudTasksAsyncClient` at it with an insecure channel:

    transport = CloudTasksGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(target))
    client = CloudTasksAsyncClient(transport=transport)
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from google.cloud import tasks_v2
from google.protobuf import empty_pb2  # type: ignore[import-untyped]

from simulators.cloudtasks.api import Api
from simulators.cloudtasks.codec import Json
from simulators.cloudtasks.errors import Refused
from simulators.cloudtasks.service import CloudTasks

SERVICE: Final = "google.cloud.tasks.v2.CloudTasks"


class Rpc(NamedTuple):
    """An RPC, the call that does it, and the field that names its resource; no response means Empty."""

    name: str
    call: str
    key: str
    request: Any
    response: Any = None


RPCS: Final = (
    Rpc("CreateQueue", "create_queue", "parent", tasks_v2.CreateQueueRequest, tasks_v2.Queue),
    Rpc("GetQueue", "get_queue", "name", tasks_v2.GetQueueRequest, tasks_v2.Queue),
    Rpc("ListQueues", "list_queues", "parent", tasks_v2.ListQueuesRequest, tasks_v2.ListQueuesResponse),
    Rpc("UpdateQueue", "update_queue", "queue.name", tasks_v2.UpdateQueueRequest, tasks_v2.Queue),
    Rpc("DeleteQueue", "delete_queue", "name", tasks_v2.DeleteQueueRequest),
    Rpc("PauseQueue", "pause_queue", "name", tasks_v2.PauseQueueRequest, tasks_v2.Queue),
    Rpc("ResumeQueue", "resume_queue", "name", tasks_v2.ResumeQueueRequest, tasks_v2.Queue),
    Rpc("PurgeQueue", "purge_queue", "name", tasks_v2.PurgeQueueRequest, tasks_v2.Queue),
    Rpc("CreateTask", "create_task", "parent", tasks_v2.CreateTaskRequest, tasks_v2.Task),
    Rpc("GetTask", "get_task", "name", tasks_v2.GetTaskRequest, tasks_v2.Task),
    Rpc("ListTasks", "list_tasks", "parent", tasks_v2.ListTasksRequest, tasks_v2.ListTasksResponse),
    Rpc("DeleteTask", "delete_task", "name", tasks_v2.DeleteTaskRequest),
    Rpc("RunTask", "run_task", "name", tasks_v2.RunTaskRequest, tasks_v2.Task),
)


async def start(service: CloudTasks, address: str = "127.0.0.1:0") -> tuple[grpc.aio.Server, int]:
    """A running server and its port."""
    api = Api(service)
    server = grpc.aio.server()
    handlers = {rpc.name: _handler(api, rpc) for rpc in RPCS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port(address)
    await server.start()
    return server, port


def _handler(api: Api, rpc: Rpc) -> grpc.RpcMethodHandler:
    async def answer(request: Any, context: grpc.aio.ServicerContext) -> Any:
        body: Json = json.loads(
            rpc.request.to_json(request, use_integers_for_enums=False, always_print_fields_with_no_presence=False)
        )
        try:
            result = await api.call(rpc.call, _resource(body, rpc.key), _rest_body(body), _params(body))
        except Refused as refused:
            await context.abort(grpc.StatusCode[refused.code.name], refused.message)
        return rpc.response.from_json(json.dumps(result)) if rpc.response else empty_pb2.Empty()

    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=rpc.request.deserialize,
        response_serializer=rpc.response.serialize if rpc.response else empty_pb2.Empty.SerializeToString,
    )


def _resource(body: Json, key: str) -> str:
    holder: Any = body
    for part in key.split("."):
        holder = holder.get(part, "")
    return str(holder)


def _rest_body(body: Json) -> Json:
    """What REST would carry in the body: a queue stands alone, a task beside its view."""
    queue = body.get("queue")
    return queue if isinstance(queue, dict) else {k: v for k, v in body.items() if k not in ("name", "parent")}


def _params(body: Json) -> dict[str, str]:
    """What REST would carry in the query."""
    return {name: str(value) for name, value in body.items() if not isinstance(value, dict)}
