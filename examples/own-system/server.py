"""A small system of one's own that Svyazka keeps in step with others: people in one SQLite table, the standard library.

    TOKEN=a-long-secret python3 server.py cards.db 8099
    HUB='https://hub.example.ru/webhook_http?key=...' HUB_SECRET='whsec_...'    beside it: changes are told at once

Whatever saves a card in your own program calls `save`, too. The questions are those of docs/in-step.md.
"""

import base64
import hmac
import json
import os
import re
import sqlite3
import sys
import threading
import time
import urllib.request
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FIELDS = ("name", "phone", "email", "birthday")
TABLE = f"""CREATE TABLE IF NOT EXISTS contact
    (id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER, changed_at TEXT, mark TEXT, {", ".join(FIELDS)})"""
SAME = {"phone": "tail(phone) = tail(?)", "email": "fold(email) = fold(?)", "mark": "mark = ?"}


def opened(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.create_function("tail", 1, lambda phone: re.sub(r"\D", "", phone or "")[-10:], deterministic=True)
    db.create_function("fold", 1, lambda text: (text or "").casefold(), deterministic=True)
    db.execute(TABLE)
    return db


def stamp(moment: datetime) -> str:
    """As long for every moment: they are compared as texts."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def shown(row: sqlite3.Row) -> dict:
    return {"id": str(row["id"]), "version": str(row["version"]), "changed_at": row["changed_at"], "mark": row["mark"],
            "fields": {name: row[name] for name in FIELDS}}  # fmt: skip


def read(db: sqlite3.Connection, id_: int) -> sqlite3.Row | None:
    return db.execute("SELECT * FROM contact WHERE id = ?", (id_,)).fetchone()


def save(db: sqlite3.Connection, fields: dict, id_: int | None = None, mark: str | None = None) -> int:
    """Make a card, or change these fields of one."""
    known = {name: value or None for name, value in fields.items() if name in FIELDS}
    with db:
        if made := id_ is None:
            id_ = db.execute("INSERT INTO contact (version, mark) VALUES (0, ?)", (mark,)).lastrowid
        sets = "".join(f", {name} = ?" for name in known)
        db.execute(
            f"UPDATE contact SET version = version + 1, changed_at = ?{sets} WHERE id = ?",
            (stamp(datetime.now(UTC)), *known.values(), id_),
        )
    threading.Thread(target=tell, args=(id_, "created" if made else "updated", read(db, id_)["version"])).start()
    return id_


def listed(db: sqlite3.Connection, asked: dict[str, list[str]]) -> dict:
    where, values = ["id > ?"], [int(asked.get("after", ["0"])[0])]
    if "id" in asked:
        where, values = [f"id IN ({', '.join('?' * len(asked['id']))})"], list(asked["id"])
    if "since" in asked:
        where, values = [*where, "changed_at >= ?"], [*values, stamp(datetime.fromisoformat(asked["since"][0]))]
    for name in SAME.keys() & asked.keys():
        where, values = [*where, SAME[name]], [*values, asked[name][0]]
    if "linked" in asked:
        where.append("FALSE")
    limit = min(int(asked.get("limit", ["100"])[0]), 100)
    rows = db.execute(
        f"SELECT * FROM contact WHERE {' AND '.join(where)} ORDER BY id LIMIT ?", (*values, limit + 1)
    ).fetchall()
    return {
        "objects": [shown(row) for row in rows[:limit]],
        "next": str(rows[limit - 1]["id"]) if len(rows) > limit else None,
    }


def tell(id_: int, change: str, version: int) -> None:
    """A hint for Svyazka; one that is lost is found at night."""
    if not (hub := os.environ.get("HUB")):
        return
    data = {"kind": "contact", "id": str(id_), "change": change, "version": str(version)}
    body = json.dumps({"type": "record.changed", "timestamp": stamp(datetime.now(UTC)), "data": data}).encode()
    message, at = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    key = base64.b64decode(os.environ["HUB_SECRET"].removeprefix("whsec_"))
    signature = "v1," + base64.b64encode(hmac.digest(key, f"{message}.{at}.".encode() + body, "sha256")).decode()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": at,
        "webhook-signature": signature,
    }
    try:
        urllib.request.urlopen(urllib.request.Request(hub, body, headers), timeout=10).close()
    except OSError as error:
        print("not told:", error, file=sys.stderr)


class Answers(BaseHTTPRequestHandler):
    """`/contact` and `/contact/17`."""

    db: sqlite3.Connection
    token: str
    one_at_a_time = threading.Lock()

    def do_GET(self) -> None:
        self.answered()

    do_POST = do_PATCH = do_GET

    def answered(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            with self.one_at_a_time:
                status, answer = self.answer(json.loads(body or b"{}"))
        except (ValueError, TypeError, AttributeError, OverflowError, sqlite3.Error) as error:  # not what is expected
            status, answer = 400, {"error": str(error)}
        payload = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def answer(self, told: dict) -> tuple[int, dict]:
        if not hmac.compare_digest(self.headers.get("authorization", "").encode(), f"Bearer {self.token}".encode()):
            return 401, {"error": "unknown token"}
        url = urlsplit(self.path)
        kind, _, id_ = url.path.strip("/").partition("/")
        if kind != "contact" or not (id_ == "" or id_.isdecimal()):
            return 404, {"error": "no such thing"}
        if not id_ and self.command == "GET":
            return 200, listed(self.db, parse_qs(url.query))
        if not id_:
            return 201, shown(read(self.db, save(self.db, told.get("fields", {}), mark=told.get("mark"))))
        row = read(self.db, int(id_))
        if row is None:
            return 404, {"error": "no such card"}
        if self.command == "PATCH":
            if self.headers.get("if-match", "").strip('"') not in ("", str(row["version"])):
                return 412, {"error": "changed meanwhile"}
            row = read(self.db, save(self.db, told.get("fields", {}), row["id"]))
        return 200, shown(row)


if __name__ == "__main__":
    Answers.db, Answers.token = opened(sys.argv[1]), os.environ["TOKEN"]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answers).serve_forever()
