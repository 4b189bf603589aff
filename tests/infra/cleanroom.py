"""A virtual environment without network: the pinned packages are linked in from the one that runs the tests."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from infra.turns import turn


class CleanRooms:
    """One environment for each list of packages: many functions need the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, requirements: Path) -> Path:
        """The interpreter of an environment that has these packages."""
        wanted = sorted(line for line in requirements.read_text().splitlines() if line and line[0] != "#")
        name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
        with turn(self._folder, name) as done:
            room = done.with_suffix(".room")
            if not done.exists():
                clean_python(room, requirements)
                done.touch()
        return room / "bin" / "python"


def clean_python(folder: Path, requirements: Path) -> Path:
    """Make the environment; its interpreter. Fails where another version is installed here than is pinned there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=110)
    (packages,) = folder.glob("lib/python*/site-packages")
    for line in requirements.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            _link(requirement, packages)
    return folder / "bin" / "python"


def _link(requirement: Requirement, packages: Path) -> None:
    """Links each file: several packages share the folder `google`."""
    installed = distribution(requirement.name)
    assert requirement.specifier.contains(installed.version), f"{requirement}: {installed.version} is installed"
    origin = Path(str(installed.locate_file("")))
    made: set[Path] = set()
    for file in installed.files or ():
        if ".." in file.parts or file.is_absolute():
            continue  # scripts
        place = packages / file
        if place.parent not in made:
            made.add(place.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(origin / file)
