"""The link in a letter by which its reader wants no more of them (RFC 2369, RFC 8058). Pure, light to import.

A link says who follows it, sealed under the endpoint's signing secret: no address can be read from it, nobody can
make one up, and it holds as long as that secret does. Equal contents make equal links (AES-SIV), because a letter
that is repeated must be the same to the byte. All of it is one segment of the path: a request that is kept for later
keeps its path.
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from svyazka.engine.contracts.webhook import FORM, MULTIPART
from svyazka.engine.security.standardwebhooks import secrets_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

ONE_CLICK = "List-Unsubscribe=One-Click"
"""What a mail provider posts when its reader presses the button (RFC 8058)."""

FORMS = (FORM, MULTIPART)

_MARK = "unsubscribe-"
_CONTEXT = [b"svyazka unsubscribe"]

_PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Отписка</title><body style="font:18px sans-serif;margin:3em auto;max-width:30em;text-align:center">{}</body>"""
_NAME, _, _VALUE = ONE_CLICK.partition("=")
_BUTTON = f'<button name="{_NAME}" value="{_VALUE}" style="font:inherit;padding:.5em 2em">Отписаться</button>'
ASK = _PAGE.format(f'<p>Больше не присылать сообщений?</p><form method="post">{_BUTTON}</form>').encode()
"""What a GET shows: looking at a link must not unsubscribe, for mail filters look at all of them."""

DONE = _PAGE.format("<p>Готово: больше мы не напишем.</p>").encode()
WRONG = _PAGE.format("<p>Эта ссылка не действует.</p>").encode()


class Reader(NamedTuple):
    """Who follows a link, and which letter it stood in."""

    delivery: str
    email: str
    phone: str | None


def link(hook_url: str, signing_secret: str, reader: Reader) -> str:
    """The address under our webhook's own that unsubscribes a reader."""
    sealed = _cipher(secrets_of(signing_secret)[0]).encrypt(json.dumps(reader).encode(), _CONTEXT)
    parts = urlsplit(hook_url)
    segment = _MARK + base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{segment}"))


def is_link(path: str) -> bool:
    """Whether a request came by such a link, a genuine one or not."""
    return path.rpartition("/")[2].startswith(_MARK)


def reader_of(path: str, signing_secret: str) -> Reader | None:
    """Who follows this link; None where it is none of ours."""
    from cryptography.exceptions import InvalidTag

    text = path.rpartition("/")[2].removeprefix(_MARK)
    for secret in secrets_of(signing_secret):
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return Reader(*json.loads(_cipher(secret).decrypt(sealed, _CONTEXT)))
        except (InvalidTag, ValueError):
            continue
    return None


def _cipher(secret: str) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(hmac.digest(secret.encode(), b"svyazka unsubscribe", "sha512"))
