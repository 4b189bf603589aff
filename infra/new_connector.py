"""Begins a connector: its folder, stand-in, description for the tests, samples, page. A tool of ours, never shipped.

    python infra/new_connector.py NAME [--can messenger,forwarder,records,calendar,payments,reading,polling,access]
                                   [--hook form|json|signed|none] [--keys api_key] [--title TEXT]

What it writes imports, passes lint and types, and does nothing yet: the kit cases that fail say what is to be written.
docs/adding-a-connector.md goes through one.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence, Set
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = Path(__file__).parent / "connector_template"
"""The files of an imaginary vendor `pingo` that can everything. A line that ends with `# [mark]`, and those from
`# [mark`
to `# mark]`, are for connectors with that mark only."""

CARRYING = ("messenger", "forwarder", "records", "calendar", "payments")
"""What carries out commands."""
CAN = (*CARRYING, "reading", "polling", "access")
"""Fields of the manifest, each with a file of its name."""
HOOKS = ("form", "json", "signed", "none")

KEY = "api_key"
"""The credential that the template knows."""
KEYS = {"login": "логин", "password": "пароль", "token": "токен"}
"""What others are called."""

_LINE = re.compile(r"\s+(?:# )?\[(\w+)\]$")
_BEGIN, _END = re.compile(r"\s*# \[(\w+)"), re.compile(r"\s*# (\w+)\]")


def marks(can: Set[str], hook: str) -> frozenset[str]:
    """What a connector's files are to hold."""
    found = {*can, hook}
    if hook != "none":
        found.add("hook")
        if not can & {"messenger", "forwarder", "payments"}:
            found.add("source")
    found |= {"carrying"} if can & {*CARRYING} else set()
    found |= {"cards"} if can & {"records", "calendar", "payments"} else set()
    found |= {"keyed"} if "access" not in can else set()
    return frozenset(found)


def written(name: str, title: str, wanted: Set[str], keys: Sequence[str] = (KEY,)) -> Iterator[tuple[Path, str]]:
    """The connector's files, by their path in the repository. `keys`: the credentials that together let one in."""
    for path in sorted(TEMPLATE.rglob("*")):
        place = path.relative_to(TEMPLATE)
        stem, _, variant = path.stem.rpartition("_")
        if variant not in HOOKS:
            stem, variant = path.stem, ""
        if not path.is_file() or (variant and variant not in wanted):
            continue
        if stem in CAN and stem not in wanted:
            continue
        if place.parts[:2] == ("tests", "samples") and not _fits(path, wanted):
            continue
        text = "\n".join(_kept(path.read_text("utf-8").splitlines(), wanted)) + "\n"
        if "form" in wanted:
            text = text.replace("delivered.json", "delivered.form")
        if "payments" in wanted:
            text = _of_payments(text, messages="messenger" in wanted)
        if tuple(keys) != (KEY,):
            text = _by_keys(text, keys)
        there = Path(*(_named(part, name) for part in place.with_stem(stem).parts))
        yield there, _in_its_words(place, text, name, title)


def _of_payments(text: str, messages: bool) -> str:
    """A provider's stand-in has a page on which people pay, and what it tells is of payments."""
    text = text.replace("simulators.chassis import Simulator", "simulators.cashdesk import Cashdesk")
    text = text.replace("(Simulator):", "(Cashdesk):")
    return text if messages else text.replace("message.delivered message:m1001", "payment.changed payment:m1001")


def _by_keys(text: str, keys: Sequence[str]) -> str:
    """The template's text with these credentials in place of its one."""

    def each(found: re.Match[str]) -> str:
        said = [found[0].replace(KEY, key).replace(KEY.replace("_", "-"), key.replace("_", "-")) for key in keys]
        return "".join(one.replace("ключ API", KEYS.get(key, key)) for one, key in zip(said, keys, strict=True))

    text = re.sub(rf"^    {KEY}: .*?^    \)\n", each, text, flags=re.M | re.S)
    text = re.sub(rf"^(?:\| `{KEY}` \||    {KEY}: \{{).*\n", each, text, flags=re.M)
    text = text.replace(f"settings.{KEY} is not None", " and ".join(f"settings.{key} is not None" for key in keys))
    text = re.sub(
        rf'"{KEY}"(: [\w.]+|,)', lambda found: " ".join(f'"{key}"{found[1].rstrip(",")},' for key in keys), text
    )
    return text.replace(KEY, keys[-1])


def _fits(sample: Path, wanted: Set[str]) -> bool:
    form = sample.suffix == ".form"
    return "hook" in wanted and (sample.suffix == ".md" or form == ("form" in wanted))


def _kept(lines: list[str], wanted: Set[str]) -> Iterator[str]:
    inside: list[str] = []
    for line in lines:
        if begin := _BEGIN.fullmatch(line):
            inside.append(begin[1])
        elif _END.fullmatch(line):
            inside.pop()
        elif wanted >= set(inside):
            mark = _LINE.search(line)
            if mark is None or mark[1] in wanted:
                yield _LINE.sub("", line)


def _named(text: str, name: str) -> str:
    return text.replace("pingo", name).replace("Pingo", name.capitalize()).replace("PINGO", name.upper())


def _in_its_words(place: Path, text: str, name: str, title: str) -> str:
    if place.suffix == ".md":
        steps = count(1)
        text = re.sub(r"^1\.(?= )", lambda _: f"{next(steps)}.", text, flags=re.M)
        return _named(text.replace("Pingo", title), name)
    return _named(text.replace('title="Pingo"', f'title="{title}"'), name)


def begin(
    root: Path, name: str, title: str, can: Set[str], hook: str, keys: Sequence[str] = (KEY,)
) -> list[Path]:  # fmt: skip
    """Write a connector's files into a tree; where. Raises FileExistsError for a name that is taken."""
    files = {root / path: text for path, text in written(name, title, marks(can, hook), keys)}
    for path in files:
        if path.exists():
            raise FileExistsError(path.relative_to(root))
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    # Names of another length sort and wrap otherwise, and not every connector needs every import.
    code = [str(path) for path in files if path.suffix == ".py"]
    for command in (["check", "--select", "I,F401", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", *code], cwd=root, check=True)
    return list(files)


def generate(root: Path) -> None:
    """Make what follows from the connectors' folders: functions, deployment, tables of the docs."""
    ours = {**os.environ, "PYTHONPATH": str(root / "shared")}
    subprocess.run([sys.executable, "infra/generate.py"], cwd=root, env=ours, check=True)


def main() -> int:
    """Ask for what is to be made, and make it."""
    parser = argparse.ArgumentParser(description="Begin a connector; docs/adding-a-connector.md says how to go on.")
    parser.add_argument("name", help="small Latin letters and digits, as `vendor:` will say it in tenant files")
    parser.add_argument("--title", help="its name as people know it")
    parser.add_argument("--can", default="messenger", help=f"some of {','.join(CAN)}, or nothing")
    parser.add_argument("--hook", default="json", choices=HOOKS, help="how it calls us")
    parser.add_argument("--keys", default=KEY, help="settings that together let one in: login,password")
    given = parser.parse_args()
    keys = [one for one in given.keys.split(",") if one]
    can = {one for one in given.can.split(",") if one}
    if not re.fullmatch(r"[a-z][a-z0-9]{1,30}", given.name):
        parser.error(f"NAME: expected small Latin letters and digits, got {given.name!r}")
    if not keys or not all(re.fullmatch(r"[a-z][a-z_]*", key) for key in keys):
        parser.error(f"--keys: expected settings' names as login,password, got {given.keys!r}")
    if can - set(CAN):
        others = ", ".join(sorted(can - set(CAN)))
        parser.error(f"--can: expected some of {', '.join(CAN)}, got {others}")
    if not can and given.hook == "none":
        parser.error("expected something that it can: --can or --hook")
    try:
        made = begin(ROOT, given.name, given.title or given.name.capitalize(), can, given.hook, keys)
    except FileExistsError as error:
        sys.stderr.write(f"{error}: is there already; take another name, or take the old one's files away\n")
        return 1
    generate(ROOT)
    sys.stdout.write("".join(f"{path.relative_to(ROOT)}\n" for path in made))
    sys.stdout.write(
        f"\nNow: .venv/bin/pytest tests/kits -k {given.name}\n"
        "Each case that fails says what is to be written; docs/adding-a-connector.md goes through one, and names what "
        "remains beside it.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
