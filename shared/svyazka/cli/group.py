"""How the command line is put together: a command's module is imported only when the command is called, and help and
wrong usage are told in the reader's language.

Plain help is meant: rich would cost more time than all the rest of `--help`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from svyazka.catalogue import N_, _, told, use, wanted
from svyazka.model.terminal import plain

SETTINGS = {"help_option_names": ["-h", "--help"]}

TYPERS_OWN = (
    N_("No such command {name!r}."), N_("No such command {name!r}. Did you mean {near}?"), N_("Missing command."),
    N_("No such option: {name}"), N_("No such option: {name} (Possible options: {near})"),
    N_("Missing argument {name}."), N_("Missing argument {name}. Choose from:\n\t{choice}"),
    N_("Missing option {name}."), N_("Missing option {name}. Choose from:\n\t{choice}"),
    N_("Invalid value for {name}: {why}"), N_("Invalid value: {why}"),
    N_("{value!r} is not one of {choice}."), N_("{value!r} is not a valid {kind}."),
    N_("Value {value!r} is not a valid {kind}."), N_("Value error, {why}"),
    N_("Input should be greater than or equal to {number}"), N_("Input should be less than or equal to {number}"),
    N_("Option {name!r} requires an argument."), N_("Option {name!r} does not take a value."),
    N_("Got unexpected extra argument(s) ({names})"), N_("Show this message and exit."),
)  # fmt: skip
"""What typer says of wrong usage and in help, so that the catalogue knows it."""

HEADINGS = (N_("Usage:"), N_("Arguments:"), N_("Options:"), N_("Commands:"), N_("[required]"), N_("default:"))


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command and where its function is: known without an import, so that `--help` is quick."""

    module: str
    function: str
    help: str
    """The first sentence stands in the list of commands."""

    def load(self, name: str) -> TyperCommand | TyperGroup:
        """Import it. A function becomes a command; a family (`secret`) is a Typer already."""
        found: Callable[..., None] | typer.Typer = getattr(import_module(self.module), self.function)
        made: object
        if isinstance(found, typer.Typer):
            made = typer.main.get_command(found)
        else:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
            alone.command(name, help=self.help, cls=Command)(found)
            made = typer.main.get_command(alone)
        assert isinstance(made, TyperCommand | TyperGroup)
        made.name = name
        translate(made)
        return made


class Loaded(MutableMapping[str, Any]):
    """Commands by name, each imported when somebody asks for it."""

    def __init__(self, lazy: Mapping[str, Lazy]) -> None:
        self.lazy = dict(lazy)

    def __getitem__(self, name: str) -> Any:
        return self.lazy[name].load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.lazy)

    def __len__(self) -> int:
        return len(self.lazy)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands stand in the table of svyazka.cli.commands")

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands stand in the table of svyazka.cli.commands")


class Command(TyperCommand):
    """One command, whose help is in the reader's language."""

    def get_help(self, ctx: Any) -> str:
        return in_readers_language(super().get_help(ctx))


class Family(TyperGroup):
    """Commands of one family."""

    def get_help(self, ctx: Any) -> str:
        return in_readers_language(super().get_help(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


class Program(Family):
    """All of them. `commands` is set after it was made."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None,
        standalone_mode: bool = True, windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        """Choose the language, do the command, end with its exit status."""
        use(wanted(os.environ))
        translate(self)
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            status = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.Abort:
            _end(_("given up; nothing more was done"), 1)
        except typer.TyperException as error:
            _end_usage(error)
        sys.exit(status if isinstance(status, int) else 0)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list, without importing what it lists."""
        assert isinstance(self.commands, Loaded)
        rows = [(name, first_sentence(told(lazy.help))) for name, lazy in self.commands.lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(text: str) -> str:
    """What stands in a list of commands."""
    return re.split(r"(?<=[.!?;:])\s|\n\n", text.strip(), maxsplit=1)[0].rstrip(".;:")


def translate(command: Any) -> None:
    """Bring a command's help and that of its options into the reader's language."""
    command.help = told(command.help or "")
    for param in command.params:
        if getattr(param, "help", None):
            param.help = told(param.help)
    inner = getattr(command, "commands", {})
    if not isinstance(inner, Loaded):
        for one in inner.values():
            translate(one)


def in_readers_language(text: str) -> str:
    """Help as typer formats it, with its few own words in the reader's language."""
    for word in (*HEADINGS, "Show this message and exit."):
        text = text.replace(word, _(word))
    return text


def _end_usage(error: Any) -> NoReturn:
    """Wrong usage: what is wrong, and where help is."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    hint = "\n" + _("help: {command} --help", command=context.command_path) if context is not None else ""
    if getattr(error, "option_name", None) == "--data" and context is not None:
        hint = "\n" + _("--data stands before the command: svyazka --data DIR {name} ...", name=context.info_name)
    _end(told(error.format_message()) + hint, error.exit_code)


def _end(text: str, status: int) -> NoReturn:
    typer.echo(plain(f"svyazka: {text}"), err=True)
    sys.exit(status)
