"""The calls of google.cloud.tasks.v2.CloudTasks, in JSON: both faces, REST and gRPC, go through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from simulators.cloudtasks import limits
from simulators.cloudtasks.codec import Json, read_queue, read_task, write_queue, write_task
from simulators.cloudtasks.errors import invalid
from simulators.cloudtasks.model import QueueName, RateLimits, RetryConfig, TaskName
from simulators.cloudtasks.service import CloudTasks

Params = Mapping[str, str]
Item = TypeVar("Item")
VIEWS = frozenset({"", "VIEW_UNSPECIFIED", "BASIC", "FULL"})


class Api:
    """Each call takes the resource it is about, a body and the query's parameters, and may raise Refused."""

    def __init__(self, service: CloudTasks) -> None:
        self.service = service
        self._calls: dict[str, Callable[[str, Json, Params], Json]] = {
            "create_queue": self._create_queue,
            "get_queue": self._get_queue,
            "list_queues": self._list_queues,
            "update_queue": self._update_queue,
            "delete_queue": self._delete_queue,
            "pause_queue": lambda name, _body, _params: write_queue(self.service.pause(name)),
            "resume_queue": lambda name, _body, _params: write_queue(self.service.resume(name)),
            "purge_queue": lambda name, _body, _params: write_queue(self.service.purge(name)),
            "create_task": self._create_task,
            "get_task": self._get_task,
            "list_tasks": self._list_tasks,
            "delete_task": self._delete_task,
            "run_task": self._run_task,
        }

    async def call(self, name: str, resource: str, body: Json, params: Params) -> Json:
        """Does one call, within its quota and subject to scripted faults."""
        self.service.count_call(name, resource.split("/")[1])
        work = self._calls[name]
        return await self.service.faults.call(name, lambda: work(resource, body, params))

    def _create_queue(self, parent: str, body: Json, _params: Params) -> Json:
        text, rates, retry = read_queue(body, RateLimits(), RetryConfig())
        name = QueueName.parse(text)
        if name.parent != parent:
            raise invalid(f"The queue name '{name}' must begin with the request's parent '{parent}'.")
        return write_queue(self.service.create_queue(name, rates, retry))

    def _get_queue(self, name: str, _body: Json, _params: Params) -> Json:
        return write_queue(self.service.queue(name))

    def _list_queues(self, parent: str, _body: Json, params: Params) -> Json:
        page, rest = _page(self.service.list_queues(parent), params)
        return {"queues": [write_queue(queue) for queue in page]} | rest

    def _update_queue(self, name: str, body: Json, params: Params) -> Json:
        """Creates a queue that does not exist; with an update mask, changes only what it names (doc)."""
        queue_name = QueueName.parse(name)
        if queue_name not in self.service.queues:
            _, rates, retry = read_queue(body, RateLimits(), RetryConfig())
            return write_queue(self.service.create_queue(queue_name, rates, retry))
        queue = self.service.queue(queue_name)
        if mask := params.get("updateMask"):
            base_rates, base_retry = queue.rates, queue.retry
            body = _masked(body, mask)
        else:
            base_rates, base_retry = RateLimits(), RetryConfig()
        _, rates, retry = read_queue(body, base_rates, base_retry)
        return write_queue(self.service.configure_queue(queue_name, rates, retry))

    def _delete_queue(self, name: str, _body: Json, _params: Params) -> Json:
        self.service.delete_queue(QueueName.parse(name))
        return {}

    def _create_task(self, parent: str, body: Json, _params: Params) -> Json:
        new = read_task(body.get("task"))
        return write_task(self.service.create_task(parent, new), _view(body))

    def _get_task(self, name: str, _body: Json, params: Params) -> Json:
        return write_task(self.service.task(TaskName.parse(name)), _view(params))

    def _list_tasks(self, parent: str, _body: Json, params: Params) -> Json:
        tasks = sorted(self.service.queue(parent).tasks.values(), key=lambda task: task.name.task)
        page, rest = _page(tasks, params)
        return {"tasks": [write_task(task, _view(params)) for task in page]} | rest

    def _delete_task(self, name: str, _body: Json, _params: Params) -> Json:
        self.service.delete_task(TaskName.parse(name))
        return {}

    def _run_task(self, name: str, body: Json, _params: Params) -> Json:
        return write_task(self.service.run_task(TaskName.parse(name)), _view(body))


def _view(holder: Mapping[str, object]) -> str:
    view = str(holder.get("responseView", ""))
    if view not in VIEWS:
        raise invalid(f"Invalid value at 'response_view': \"{view}\"")
    return "FULL" if view == "FULL" else "BASIC"


def _page(items: list[Item], params: Params) -> tuple[list[Item], Json]:
    """A page of `items`; its token is the place where the next one starts."""
    start, size = params.get("pageToken") or "0", params.get("pageSize") or "0"
    if not start.isdecimal() or not size.isdecimal():
        raise invalid("Invalid page token or page size.")
    end = int(start) + min(int(size) or limits.MAX_PAGE, limits.MAX_PAGE)
    return items[int(start) : end], {"nextPageToken": str(end)} if end < len(items) else {}


def _masked(body: Json, mask: str) -> Json:
    """The parts of a queue that a FieldMask names: `rateLimits`, `retryConfig.maxAttempts`."""
    kept: Json = {}
    for path in mask.split(","):
        whole, _, part = path.strip().partition(".")
        given = body.get(whole)
        if not part:
            kept[whole] = given if given is not None else {}
        elif isinstance(given, dict) and part in given:
            kept.setdefault(whole, {})[part] = given[part]
    return kept
