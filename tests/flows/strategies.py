"""Any event that the models allow, for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

TEXTS = st.none() | st.text(max_size=30) | st.sampled_from(
    ["+79991234567", "8 999 123 45 67", "anna@example.org", "\u202eevil.com", "{name}", "</p>", "а" * 500, "5000000001"]
)  # fmt: skip
CONTACTS = st.none() | st.builds(
    Contact, name=TEXTS, phone=TEXTS, email=TEXTS, proxy=st.booleans(),
    chats=st.dictionaries(st.sampled_from(["telegram", "whatsapp", "max"]), st.text(max_size=12), max_size=3),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2), max_leaves=4,
)  # fmt: skip
TIMES = st.datetimes(timezones=st.just(UTC)) | st.just(datetime.max.replace(tzinfo=UTC))
EVENTS = st.builds(
    Event, id=st.text(max_size=8), tenant=st.just("kofe"), connection=st.text(max_size=8), vendor=st.text(max_size=8),
    type=st.sampled_from(EventType), subject=st.text(max_size=12), identity=st.sampled_from(["strong", "weak"]),
    origin=st.sampled_from(["webhook", "poll", "import", "salvage", "operator", "engine"]), received_at=TIMES,
    occurred_at=st.none() | TIMES, contact=CONTACTS,
    data=st.dictionaries(st.sampled_from(["number", "sum", "service", "date", "time", "name", "x"]), JSON, max_size=5),
)  # fmt: skip
