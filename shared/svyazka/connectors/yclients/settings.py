"""The settings of one connection."""

from __future__ import annotations

from pydantic import Field

from svyazka.model.tenants import ConnectionSettings


class YclientsSettings(ConnectionSettings):
    """With `company_id` and both tokens records can be asked for; without them there are webhooks only."""

    company_id: int | None = Field(default=None, gt=0)
    partner_token: str | None = Field(default=None, min_length=1)
    user_token: str | None = Field(default=None, min_length=1)
    final_attendance: tuple[int, ...] | None = Field(default=None, min_length=1)

    def can_ask(self) -> bool:
        """Whether the journal of the salon can be read."""
        return None not in (self.company_id, self.partner_token, self.user_token)
