"""Why something didn't work, in one vocabulary for all vendors."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why, in words that statistics and people share, whatever the vendor calls it."""

    NO_MONEY = "no_money"
    """The account has to be topped up, paid for or given a larger plan."""
    NO_ACCESS = "no_access"
    """A key, a token or a right is missing, wrong or at its end."""
    ACCOUNT = "account"
    """The account itself isn't confirmed, or is suspended."""
    SETTING = "setting"
    """Something is switched off, not chosen or wrong, at the vendor or in the tenant file."""
    SENDER = "sender"
    """The sender's name, number or domain isn't approved."""
    BAD_ADDRESS = "bad_address"
    """The recipient can't be reached at this address."""
    OPT_OUT = "opt_out"
    """The recipient doesn't want any messages: no further one is sent to this address."""
    BAD_CONTENT = "bad_content"
    """The text, the template or a file isn't taken."""
    BAD_REQUEST = "bad_request"
    """The vendor doesn't take our request: most often a mistake of ours."""
    TOO_MUCH = "too_much"
    """A limit of calls or messages is used up."""
    NOT_FOUND = "not_found"
    """The object doesn't exist."""
    CONFLICT = "conflict"
    """Somebody else has changed or taken it, or is about to."""
    DUPLICATE = "duplicate"
    """It has been done already."""
    OUT_OF_SERVICE = "out_of_service"
    """The vendor, or what stands behind it, fails or is silent."""
    OTHER = "other"
