"""A function whose time somebody steps: FUNCTION_SOURCE in place of the bundle's main.py, which it then is.

Real time goes through one method of the product's; the rest of the process keeps the machine's (tokens, signatures,
limits of calls). It lies alone in its folder, which functions-framework puts on the path.
"""

import os
from datetime import datetime
from pathlib import Path

from svyazka.engine.ports.clock import SystemClock

_KEPT = Path(os.environ["STEPPED_TIME"])

SystemClock.real = lambda self: datetime.fromisoformat(_KEPT.read_text())

from main import *  # noqa: E402, F403
