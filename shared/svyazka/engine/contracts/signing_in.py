"""Access that a vendor gives for a login and a password: they are used once, and only the token is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.tenants import ConnectionSettings

AskedT = TypeVar("AskedT", bound="ConnectionSettings")


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The vendor has sent the person a code and wants it back."""

    handle: str
    where: str
    """To whom it was sent, as the vendor shows it (in part)."""
    attempts_left: int | None = None


class SigningIn(Protocol[AskedT]):
    """Changes a login and a password for a token."""

    setting: str
    """The setting that the token belongs to; in a tenant file it names a secret."""
    needs: tuple[str, ...]
    """Settings without which the vendor can't even be asked."""

    async def sign_in(
        self, login: str, password: str, step: SecondStep | None, code: str, call: Call[AskedT]
    ) -> str | SecondStep:
        """The token, or what is asked for besides. Raises SourceUnavailable, NotSent, MaybeSent."""
        raise NotImplementedError
