"""Functions as the platform has them: the bundle unpacked, with a Python in which its requirements are installed."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from bundling import Function, build, functions
from infra.cleanroom import CleanRooms
from infra.turns import turn
from svyazka.engine.security.keyring import SecretName


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One of them."""

    function: Function
    workspace: Path
    python: Path

    @property
    def secrets(self) -> tuple[SecretName, ...]:
        """The keys that Terraform gives it (functions.tf, `secrets_of`)."""
        if self.function.role == "worker":
            return ("mint", "vault")
        return ("mint", "verify") if self.function.signs else ("mint",)


class Bundles:
    """Each is made on first use and serves every process that uses this folder: nobody may change what `of` holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rooms = CleanRooms(folder / "rooms")

    def zip(self, function: Function) -> Path:
        """Its bundle, built once."""
        with turn(self._folder / "zips", f"{function.name}.zip") as path:
            return path if path.exists() else build(function, path.parent)

    def unpacked(self, function: Function, folder: Path) -> Path:
        """Unpack its bundle into a folder of one's own; where."""
        workspace = folder / "workspace"
        with zipfile.ZipFile(self.zip(function)) as archive:
            archive.extractall(workspace)
        return workspace

    def of(self, name: str) -> Unpacked:
        """A function by its name."""
        (function,) = (each for each in functions() if each.name == name)
        with turn(self._folder, name) as done:
            workspace = done.with_suffix(".unpacked") / "workspace"
            if not done.exists():
                self.unpacked(function, workspace.parent)
                done.touch()
        return Unpacked(function, workspace, self.rooms.python(workspace / "requirements.txt"))
