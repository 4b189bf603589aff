"""Why something didn't work, in one vocabulary for all vendors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from svyazka.catalogue import N_


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


REASONS: Mapping[str, str] = {
    Reason.NO_MONEY: N_("no money"), Reason.NO_ACCESS: N_("no access"), Reason.ACCOUNT: N_("the account"),
    Reason.SETTING: N_("a setting"), Reason.SENDER: N_("the sender"), Reason.BAD_ADDRESS: N_("the address"),
    Reason.OPT_OUT: N_("wants no messages"), Reason.BAD_CONTENT: N_("the content"),
    Reason.BAD_REQUEST: N_("our request"), Reason.TOO_MUCH: N_("too much at once"),
    Reason.NOT_FOUND: N_("not found"), Reason.CONFLICT: N_("a conflict"), Reason.DUPLICATE: N_("done before"),
    Reason.OUT_OF_SERVICE: N_("out of service"), Reason.OTHER: N_("another reason"),
}  # fmt: skip
"""Why something didn't work, as a person reads it."""

TO_DO: Mapping[str, str] = {
    Reason.NO_MONEY: N_("Top the account up or pay for it there, then try again."),
    Reason.NO_ACCESS: N_("Give access anew, then try again."),
    Reason.ACCOUNT: N_("Ask that system's support about the account, then try again."),
    Reason.SETTING: N_("Put the setting right, then try again."),
    Reason.SENDER: N_("Have the sender approved there, then try again."),
    Reason.BAD_ADDRESS: N_("Ask the person for the right address and mend it where it came from."),
    Reason.OPT_OUT: N_("Nothing: this person wants no messages."),
    Reason.BAD_CONTENT: N_("Mend the text or what it is filled with, then try again."),
    Reason.BAD_REQUEST: N_("Read what that system says is wrong; when it is mended, try again."),
    Reason.TOO_MUCH: N_("Try again later; if it happens often, ask that system for a larger limit."),
    Reason.NOT_FOUND: N_("Look there whether it was deleted; if it is there, try again."),
    Reason.CONFLICT: N_("Look what stands there now; if this is still wanted, try again."),
    Reason.DUPLICATE: N_("Nothing: it has been done."),
    Reason.OUT_OF_SERVICE: N_("Try again when that system works."),
    Reason.OTHER: N_("Read what that system says is wrong; when it is mended, try again."),
}  # fmt: skip
"""What a person does about work that isn't tried again by itself."""
