"""Telegram: what it is and can do."""

from __future__ import annotations

from svyazka.connectors.telegram.doctor import TelegramDoctor
from svyazka.connectors.telegram.failures import FAILURES
from svyazka.connectors.telegram.hook import TelegramHook
from svyazka.connectors.telegram.identity import TelegramIdentity
from svyazka.connectors.telegram.messenger import TelegramMessenger
from svyazka.connectors.telegram.settings import TelegramSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="telegram",
    title="Telegram",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.TOKEN,
        samples=Samples.PUBLISHED,
    ),
    settings=TelegramSettings,
    base_url="https://api.telegram.org",
    tells=frozenset({EventType.MESSAGE_RECEIVED}),
    # About 30 a second over all chats; one a second in a chat, where short bursts pass.
    limits=Limits(per_second=25.0, concurrency=4),
    credentials=Credentials(required=("bot_token",), secret=("bot_token", "webhook_secret")),
    failures=FAILURES,
    messenger=TelegramMessenger(),
    identity=TelegramIdentity(),
    doctor=TelegramDoctor(),
    hook=TelegramHook(),
)
