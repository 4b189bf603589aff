"""The real Firestore emulator as a process: java and the jar that comes with gcloud. Missing ones are an error."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
"""Quicker to start, and on two cores shared with the tests as quick to answer."""

LEASH = 'exec 3<&0; "$@" & java=$!; { read _ <&3; kill -9 $java; } 2>/dev/null & wait $java'
"""The emulator ends when our end of the pipe is closed: also when we are killed and can close nothing."""

START = 60.0
"""Seconds that a start may take on a busy machine before it is a failure."""


def jar() -> Path:
    """Where gcloud keeps the emulator. Raises RuntimeError that says what to install."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        raise RuntimeError("the Firestore emulator needs java and gcloud on the PATH")
    found = Path(gcloud).resolve().parent.parent / JAR
    if not found.is_file():
        raise RuntimeError(f"no emulator at {found}: gcloud components install cloud-firestore-emulator")
    return found


@contextmanager
def emulator() -> Iterator[str]:
    """A running emulator; its host:port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    java = ["java", *QUICK, "-Duser.language=en", "-cp", str(jar()), MAIN, "--host", "127.0.0.1", "--port", str(port)]
    command = ["sh", "-c", LEASH, "emulator", *java]
    quiet = subprocess.DEVNULL
    # A group of its own: Ctrl-C is for pytest, which then ends it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, process_group=0) as process:
        try:
            _wait(process, port)
            yield f"127.0.0.1:{port}"
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the Firestore emulator ended at once with status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the Firestore emulator didn't answer within {START:g} s")
