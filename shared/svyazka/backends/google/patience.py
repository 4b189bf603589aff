"""Calls of the official clients, repeated while that can help, within a time limit; then Unavailable.

The clients' own retries are switched off: they go on for a minute, and don't tell that they repeated.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from svyazka.model.errors import Unavailable

TRANSIENT = (
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    GoogleAuthError,
)

TRY_LIMIT = 4.0
"""Seconds for one try, as the call itself should be told."""

FIRST_PAUSE = 0.05

T = TypeVar("T")


async def patiently(call: Callable[[], Awaitable[T]], limit: float, answers: tuple[type[Exception], ...] = ()) -> T:
    """What `call` gives, within `limit` seconds. `answers` are errors that the caller understands: raised as they are.

    Raises Unavailable.
    """
    until = time.monotonic() + limit
    pause = FIRST_PAUSE
    while True:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await call()
        except answers:
            raise
        except TRANSIENT as error:
            wait = pause * random.uniform(0.5, 1.0)
            if time.monotonic() + wait >= until:
                raise Unavailable(f"no answer within {limit:g} s: {type(error).__name__}") from error
            await asyncio.sleep(wait)
            pause *= 2
        except TimeoutError as error:
            raise Unavailable(f"no answer within {limit:g} s") from error
        except exceptions.GoogleAPICallError as error:
            raise Unavailable(f"refused: {type(error).__name__}") from error
