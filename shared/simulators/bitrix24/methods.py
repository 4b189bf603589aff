"""What each method of a portal's REST API does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from simulators.bitrix24.access import CLIENT_ID
from simulators.bitrix24.cards import DEAL, KINDS, SOURCES, STAGES, TAKES, Card, Refusal, not_found, shown, stamp
from simulators.bitrix24.parameters import Params, items
from simulators.bitrix24.portal import Portal
from simulators.bitrix24.queries import fits, ordered

PAGE = 50
Reply = tuple[object, dict[str, Any]]
"""What stands in `result`, and what beside it (`total`, `next`)."""


def _kind(params: Params) -> int:
    given = str(_param(params, "entityTypeId"))
    if not given.isdigit() or int(given) not in KINDS:
        raise not_found("Смарт-процесс не найден")
    return int(given)


def _param(params: Params, name: str) -> Any:
    if name not in params:
        raise Refusal(400, "100", f"Could not find value for parameter {{{name}}} (internal error)")
    return params[name]


def _fields(params: Params) -> Mapping[str, Any]:
    given = _param(params, "fields")
    if not isinstance(given, dict) or not given:
        raise Refusal(400, "100", "Could not find value for parameter {fields} (internal error)")
    return given


def _card(portal: Portal, params: Params) -> tuple[int, Card]:
    kind, given = _kind(params), str(_param(params, "id"))
    card = portal.cards[kind].get(int(given)) if given.isdigit() else None
    if card is None:
        raise not_found()
    if card["id"] in portal.hidden:
        raise Refusal(400, "ACCESS_DENIED", "У Вас нет прав на просмотр этого элемента")
    return kind, card


def _show(kind: int, card: Card, params: Params) -> Reply:
    return {"item": shown(kind, card, original=params.get("useOriginalUfNames") == "Y")}, {}


def _item_get(portal: Portal, params: Params, by: int) -> Reply:
    return _show(*_card(portal, params), params)


def _item_add(portal: Portal, params: Params, by: int) -> Reply:
    kind = _kind(params)
    card = portal.add(kind, _fields(params), by)
    told = _show(kind, card, params)
    moved = portal.robots.get(str(card.get("stageId")))
    if kind == DEAL and moved:
        portal.change(kind, card, {"stageId": moved}, by=0)
    portal.meddle(kind, card)
    return told


def _item_update(portal: Portal, params: Params, by: int) -> Reply:
    kind, card = _card(portal, params)
    portal.change(kind, card, _fields(params), by)
    told = _show(kind, card, params)
    portal.meddle(kind, card)
    return told


def _item_delete(portal: Portal, params: Params, by: int) -> Reply:
    kind, card = _card(portal, params)
    portal.delete(kind, card["id"])
    return [], {}


def _item_list(portal: Portal, params: Params, by: int) -> Reply:
    kind, original = _kind(params), params.get("useOriginalUfNames") == "Y"
    start, order = int(params.get("start") or 0), params.get("order")
    fitting = (
        seen
        for card in _candidates(portal.cards[kind], params.get("filter"))
        if card["id"] not in portal.hidden and fits(seen := shown(kind, card, original=original), params.get("filter"))
    )
    if start < 0 and order in (None, {"id": "ASC"}):  # nothing is counted, and no further page is looked for
        kept = list(islice(fitting, PAGE))
    else:
        kept = ordered(list(fitting), order)
    page = kept[max(start, 0) : max(start, 0) + PAGE]
    select = list(items(params.get("select"))) or ["*"]
    listed = [shown(kind, portal.cards[kind][seen["id"]], original=original, select=select) for seen in page]
    if start < 0:
        return {"items": listed}, {}
    more = {"next": start + PAGE} if len(kept) > start + PAGE else {}
    return {"items": listed}, {**more, "total": len(kept)}


def _candidates(cards: Mapping[int, Card], wanted: object) -> Iterator[Card]:
    """By their ids, those that a filter by ids leaves: a page isn't looked for among thousands."""
    given = wanted if isinstance(wanted, dict) and wanted.get("logic", "AND") != "OR" else {}
    named = next((given[name] for name in ("id", "=id", "@id") if name in given), None)
    if named is not None:
        ids = {int(one) for one in items(named) or [named] if str(one).isdigit()}
        return (cards[id_] for id_ in sorted(ids & cards.keys()))
    after = str(given.get(">id", ""))
    return (cards[id_] for id_ in sorted(cards) if not after.isdigit() or id_ > int(after))


def _item_fields(portal: Portal, params: Params, by: int) -> Reply:
    kind = _kind(params)
    demanded = portal.required.get(str(kind), ())
    shapes = {name: {"type": "string"} for name in TAKES[kind]} | portal.own_fields.get(str(kind), {})
    usual = {"isReadOnly": False, "isMultiple": False}
    told = {
        name: {**usual, "isRequired": name in demanded, "title": name, "upperName": name, **shape}
        for name, shape in shapes.items()
    }
    return {"fields": told}, {}


def _find_by_comm(portal: Portal, params: Params, by: int) -> Reply:
    values = [str(one) for one in items(params.get("values"))]
    if params.get("type") not in ("PHONE", "EMAIL"):
        raise Refusal(400, "Communication type is not defined", "Parameter 'type' is required.")
    if not values or len(values) > 20:
        raise Refusal(400, "Communication values is not defined", "Parameter 'values' is required.")
    return portal.duplicates(params["type"], values, params.get("entity_type")) or [], {}


def _statuses(portal: Portal, params: Params, by: int) -> Reply:
    wanted = str((params.get("filter") or {}).get("ENTITY_ID", ""))
    if wanted == "SOURCE":
        rows: list[tuple[str, str, str | None]] = [(code, name, None) for code, name in SOURCES.items()]
    else:
        pipeline = None if wanted == "STATUS" else int(wanted.removeprefix("DEAL_STAGE").removeprefix("_") or 0)
        stages = STAGES.get(pipeline, {}).items()
        rows = [(code, name, None if meaning == "P" else meaning) for code, (name, meaning) in stages]
    told = [
        {"ID": str(100 + place), "ENTITY_ID": wanted, "STATUS_ID": code, "NAME": name, "SORT": str(10 * place),
         "SEMANTICS": meaning, "SYSTEM": "Y"}
        for place, (code, name, meaning) in enumerate(rows, 1)
    ]  # fmt: skip
    return told, {"total": len(told)}


def _categories(portal: Portal, params: Params, by: int) -> Reply:
    told = [
        {"id": id_, "name": name, "sort": 200, "entityTypeId": DEAL, "isDefault": "Y" if id_ == 0 else "N"}
        for id_, name in ((0, "Общая"), (1, "Доставка"))
    ]
    return {"categories": told}, {"total": len(told)}


def _owner(portal: Portal, fields: Mapping[str, Any]) -> tuple[int, str]:
    names = {name.lower(): kind for kind, name in KINDS.items()}
    type_, id_ = str(fields.get("ENTITY_TYPE")), str(fields.get("ENTITY_ID"))
    if type_ not in names or not id_.isdigit() or int(id_) not in portal.cards[names[type_]]:
        raise Refusal(400, "OWNER_NOT_FOUND", "Owner was not found")
    return int(id_), type_


def _comment_add(portal: Portal, params: Params, by: int) -> Reply:
    fields = _fields(params)
    owner, type_ = _owner(portal, fields)
    text = str(fields.get("COMMENT") or "").strip()
    if not text:
        raise Refusal(400, "INVALID_ARG_VALUE", "Comment message is empty")
    id_ = portal.new_id("note")
    text = re.sub(r"<[^<>]*>", "", text)  # HTML isn't shown
    portal.comments.append({
        "ID": str(id_), "ENTITY_ID": str(owner), "ENTITY_TYPE": type_, "CREATED": stamp(portal.now()), "COMMENT": text,
        "AUTHOR_ID": str(by), "FILES": {},
    })  # fmt: skip
    portal.record("comment", id=id_, on=f"{type_} {owner}", text=text)
    return id_, {}


def _comment_list(portal: Portal, params: Params, by: int) -> Reply:
    owner, type_ = _owner(portal, params.get("filter") or {})
    known = [one for one in portal.comments if (one["ENTITY_ID"], one["ENTITY_TYPE"]) == (str(owner), type_)]
    down = str((params.get("order") or {}).get("ID", "ASC")).upper() == "DESC"
    start = max(int(params.get("start") or 0), 0)
    return sorted(known, key=lambda one: int(one["ID"]), reverse=down)[start : start + PAGE], {"total": len(known)}


def _task_add(portal: Portal, params: Params, by: int) -> Reply:
    fields = _fields(params)
    if not str(fields.get("TITLE") or "").strip():
        raise Refusal(400, "ERROR_CORE", "Не указано название задачи<br>")
    if not str(fields.get("RESPONSIBLE_ID") or "").isdigit():
        raise Refusal(400, "ERROR_CORE", "Не указан исполнитель<br>")
    if int(fields["RESPONSIBLE_ID"]) not in portal.users:
        raise Refusal(400, "ERROR_CORE", 'Пользователь указанный в поле "Исполнитель" не найден<br>')
    id_ = portal.new_id("task")
    task = {
        "id": str(id_), "title": str(fields["TITLE"]), "description": fields.get("DESCRIPTION"), "priority": "1",
        "createdBy": str(by), "createdDate": stamp(portal.now()), "responsibleId": str(fields["RESPONSIBLE_ID"]),
        "deadline": fields.get("DEADLINE"), "status": "2", "xmlId": None,
        "ufCrmTask": [str(one) for one in items(fields.get("UF_CRM_TASK"))],
    }  # fmt: skip
    portal.tasks.append(task)
    portal.record("task", id=id_, on=task["ufCrmTask"], text=task["title"], due=task["deadline"])
    return {"task": task}, {}


def _task_list(portal: Portal, params: Params, by: int) -> Reply:
    wanted = params.get("filter") or {}
    tied, title = wanted.get("UF_CRM_TASK"), wanted.get("TITLE")
    found = [
        task
        for task in reversed(portal.tasks)
        if (tied is None or set(map(str, items(tied) or [tied])) & set(task["ufCrmTask"]))
        and (title is None or task["title"] == title)
    ]
    start = max(int(params.get("start") or 0), 0)
    return {"tasks": found[start : start + PAGE]}, {"total": len(found)}


def _user(portal: Portal, params: Params, by: int) -> Reply:
    return {"ID": str(by), "ACTIVE": True, "NAME": "Интеграция", "LAST_NAME": "Хаб", "TIME_ZONE": "Europe/Moscow"}, {}


def _profile(portal: Portal, params: Params, by: int) -> Reply:
    return {"ID": str(by), "ADMIN": False, "NAME": "Интеграция", "LAST_NAME": "Хаб", "TIME_ZONE": "Europe/Moscow"}, {}


def _app(portal: Portal, params: Params, by: int) -> Reply:
    return {"ID": "1", "CODE": CLIENT_ID, "STATUS": "L", "INSTALLED": True}, {}


Method = Callable[[Portal, Params, int], Reply]
METHODS: Mapping[str, tuple[str, Method]] = {
    "crm.item.get": ("crm", _item_get),
    "crm.item.add": ("crm", _item_add),
    "crm.item.update": ("crm", _item_update),
    "crm.item.delete": ("crm", _item_delete),
    "crm.item.list": ("crm", _item_list),
    "crm.item.fields": ("crm", _item_fields),
    "crm.duplicate.findbycomm": ("crm", _find_by_comm),
    "crm.status.list": ("crm", _statuses),
    "crm.category.list": ("crm", _categories),
    "crm.timeline.comment.add": ("crm", _comment_add),
    "crm.timeline.comment.list": ("crm", _comment_list),
    "crm.settings.mode.get": ("crm", lambda portal, params, by: (2 if portal.simple_mode else 1, {})),
    "tasks.task.add": ("task", _task_add),
    "tasks.task.list": ("task", _task_list),
    "user.current": ("user_brief", _user),
    "profile": ("", _profile),
    "app.info": ("", _app),
    "scope": ("", lambda portal, params, by: (list(portal.scopes), {})),
}
"""Method -> the right that it needs, and what it does."""
