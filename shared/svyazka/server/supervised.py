"""What a process does that the supervisor keeps."""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_supervisor() -> None:
    """Stop cleanly when the supervisor is gone, killed perhaps: a process that nobody watches must not stay."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not its buffer: a thread that holds that would hinder our own end
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
