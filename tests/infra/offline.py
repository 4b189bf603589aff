"""Terraform against the provider's true schema, without registry, network or credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.turns import turn

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
TOOL = ROOT.parent / "shared" / "tools" / "terraform-google-offline"
READ = ("docs/operations.md", "functions/*/main.py")
"""What the configuration looks at beside its own folder."""

ALL_OPTIONS = """
operators                 = ["user:operator@example.org"]
static_egress             = true
balancer                  = { domain = "hooks.example.org", only = true }
budget                    = { billing_account = "000000-000000-000000", amount = 20 }
domain_restricted_sharing = true
runbook_url               = "https://wiki.example.org/svyazka"
console                   = { domain = "console.example.org", owners = ["user:owner@example.org"] }
"""


def needs_the_tool(left_out: str) -> None:
    """The tool lies beside the project, not in it: where it is missing, say what nobody looked at."""
    if not TOOL.is_dir():
        pytest.skip(f"LEFT OUT: {left_out}. The offline provider isn't at {os.path.relpath(TOOL, ROOT)}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What Terraform would make."""

    resources: list[dict[str, Any]]
    outputs: dict[str, Any]
    """As far as they are known before anything is made."""
    waits_for: dict[str, list[str]]
    """Type of resource -> what its configuration says must be there before."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Values of every resource of a type."""
        return [each["values"] for each in self.resources if each["type"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (only,) = self.of(kind)
        return only


class Workspace:
    """A copy of the configuration, made ready and planned once for all processes of a test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._work = folder / "infra" / "terraform"
        settings = folder / "terraformrc"
        self._environment = {
            **os.environ,
            # For the tool: its mirror in a folder of ours, its provider run by this Python.
            "OFFLINE_MIRROR": str(folder / "mirror"), "OFFLINE_PYTHON": sys.executable,
            "TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1",
        }  # fmt: skip
        with turn(folder, "ready") as ready:
            if not ready.exists():
                self._make(settings)
                ready.touch()

    def _make(self, settings: Path) -> None:
        left_out = shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfvars")
        shutil.copytree(TERRAFORM, self._work, ignore=left_out, dirs_exist_ok=True)
        for path in (path for pattern in READ for path in ROOT.glob(pattern)):
            copy = self._folder / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        (self._work / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        (self._work / "options.tfvars").write_text(ALL_OPTIONS)
        mirror = self._environment["OFFLINE_MIRROR"]
        subprocess.run([TOOL / "install.sh", mirror], env=self._environment, check=True, capture_output=True)
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
        self.run("init", "-input=false")

    def run(self, *arguments: str, folder: Path | None = None) -> str:
        """A command of Terraform, here or in a folder of its own; what it printed."""
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        done = subprocess.run(
            command, cwd=folder or self._work, env=self._environment, capture_output=True, timeout=200, text=True
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def plan(self, name: str, *files: str) -> Plan:
        """For an empty project, with the example's variables and those of further files."""
        given = [f"-var-file={file}" for file in ("terraform.tfvars.example", *files)]
        with turn(self._folder, f"{name}.json") as kept:
            if not kept.exists():
                self.run("plan", "-input=false", "-lock=false", f"-out={name}.plan", *given)
                kept.write_text(self.run("show", "-json", f"{name}.plan"))
            shown = json.loads(kept.read_text())
        planned = shown["planned_values"]
        outputs = {output: each.get("value") for output, each in planned["outputs"].items()}
        return Plan(list(_resources(planned["root_module"])), outputs, _waits(shown["configuration"]["root_module"]))


def _resources(module: dict[str, Any]) -> list[dict[str, Any]]:
    own = [each for each in module.get("resources", []) if each["mode"] == "managed"]
    return own + [each for child in module.get("child_modules", []) for each in _resources(child)]


def _waits(module: dict[str, Any]) -> dict[str, list[str]]:
    found = {each["type"]: each["depends_on"] for each in module.get("resources", []) if "depends_on" in each}
    for call in module.get("module_calls", {}).values():
        found |= _waits(call["module"])
    return found
