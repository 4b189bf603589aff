"""References of a command to objects at its vendor: known by id, or made by a step that goes before it in the plan.

A command may hold them at any depth. Whoever carries it out meets `Existing` only: the engine fills the others in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from svyazka.model.base import Stored
from svyazka.model.errors import NothingMade


class Produced(Stored):
    """One object that a step made at its vendor, or found there: what those after it may refer to."""

    kind: str
    """`contact`, `deal`, `visit`; empty where a vendor gave an id and nothing else."""
    id: str


class Existing(Stored):
    """An object that is there."""

    kind: Literal["existing"] = "existing"
    id: str


class Result(Stored):
    """What an earlier step of the same plan will have made."""

    kind: Literal["result"] = "result"
    step: str
    """The step's whole name."""
    made: str | None = None
    """Which kind of object, where the step makes several; None: the first."""
    needed: bool = True
    """Without it the command is pointless. False: the reference falls away where nothing was made."""

    def among(self, made: tuple[Produced, ...]) -> str | None:
        """The id of what it means, of all that its step has made."""
        return next((one.id for one in made if self.made in (None, one.kind) or not one.kind), None)


Ref = Annotated[Existing | Result, Field(discriminator="kind")]


def given(ref: Existing | Result) -> str:
    """The id that a reference of a command being carried out stands for."""
    if isinstance(ref, Result):
        raise TypeError(f"a reference to what {ref.step} makes was not filled in before its command was carried out")
    return ref.id


def results_in(value: BaseModel | tuple[Any, ...]) -> Iterator[Result]:
    """References to earlier steps, at any depth."""
    if isinstance(value, Result):
        yield value
        return
    for one in vars(value).values() if isinstance(value, BaseModel) else value:
        if isinstance(one, BaseModel | tuple):
            yield from results_in(one)


ModelT = TypeVar("ModelT", bound=BaseModel)

_FELL_AWAY = object()


def filled(command: ModelT, id_of: Callable[[Result], str | None]) -> ModelT:
    """The command with ids in place of results.

    One that isn't needed and stands for nothing falls away: an optional field becomes None, an item of a tuple is left
    out, and a required field takes its whole model along. Raises NothingMade where that reaches the command itself, or
    where one is needed.
    """
    done = _filled(command, id_of)
    if done is _FELL_AWAY:
        raise NothingMade(next(results_in(command)).step)
    assert isinstance(done, type(command))
    return done


def _filled(value: Any, id_of: Callable[[Result], str | None]) -> Any:
    if isinstance(value, Result):
        return _id_in_place_of(value, id_of)
    if isinstance(value, BaseModel):
        return _filled_model(value, id_of)
    if isinstance(value, tuple):
        return tuple(done for one in value if (done := _filled(one, id_of)) is not _FELL_AWAY)
    return value


def _id_in_place_of(result: Result, id_of: Callable[[Result], str | None]) -> Any:
    found = id_of(result)
    if found is not None:
        return Existing(id=found)
    if result.needed:
        raise NothingMade(result.step)
    return _FELL_AWAY


def _filled_model(model: BaseModel, id_of: Callable[[Result], str | None]) -> Any:
    changes: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        before = getattr(model, name)
        after = _filled(before, id_of)
        if after is _FELL_AWAY:
            if field.is_required() or field.default is not None:
                return _FELL_AWAY
            after = None
        if after != before:
            changes[name] = after
    return model.model_copy(update=changes) if changes else model
