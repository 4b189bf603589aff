"""How sure we are of a vendor: what our knowledge rests on, told to whoever trusts it with people's messages.

Each word is earned: what nobody has looked at is said to be so. The matrix of vendors, each vendor's page and `doctor`
show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from svyazka.catalogue import N_, _, told


class Documented(StrEnum):
    """What its vendor has published."""

    WHOLE = "whole"
    PARTLY = "partly"
    NOT = "not"


class Proof(StrEnum):
    """What shows that a request is the vendor's own, and how that was checked."""

    REAL_BYTES = "real_bytes"
    PUBLISHED_VECTORS = "published_vectors"
    OWN_BYTES = "own_bytes"
    TOKEN = "token"
    UNPUBLISHED = "unpublished"
    NONE = "none"


class Samples(StrEnum):
    """Where the samples in `tests/samples` come from, the best of them."""

    OURS = "ours"
    RECORDED = "recorded"
    PUBLISHED = "published"
    MADE_UP = "made_up"


WORDS: Mapping[StrEnum, str] = {
    Documented.WHOLE: N_("documented by its vendor"),
    Documented.PARTLY: N_("documented by its vendor in part"),
    Documented.NOT: N_("not documented by its vendor"),
    Proof.REAL_BYTES: N_("its signature is checked on bytes that the vendor itself signed"),
    Proof.PUBLISHED_VECTORS: N_("its signature is checked on published test vectors"),
    Proof.OWN_BYTES: N_("its signature is checked only on bytes that we signed by its description"),
    Proof.TOKEN: N_("it sends a secret of ours in a header; it signs nothing"),
    Proof.UNPUBLISHED: N_("how it signs isn't published: the key in the address is the proof"),
    Proof.NONE: N_("it signs nothing: the key in the address is the proof"),
    Samples.OURS: N_("samples recorded by us"),
    Samples.RECORDED: N_("samples recorded by others, with other values"),
    Samples.PUBLISHED: N_("samples from the vendor's own pages"),
    Samples.MADE_UP: N_("samples made up by its description"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is known of one vendor; the defaults are what is true of one that nobody has looked at."""

    documented: Documented = Documented.NOT
    proof: Proof = Proof.NONE
    samples: Samples = Samples.MADE_UP
    seen_live: str | None = None
    """The day on which an account of ours last worked with it, `2026-03-14`."""
    unknown: str = ""
    """What its vendor publishes nothing of, and we would like to know most."""

    def sentences(self) -> Iterator[str]:
        """Everything that there is to say, in the reader's language."""
        yield from (told(WORDS[word]) for word in (self.documented, self.proof, self.samples))
        yield _("seen live on {day}", day=self.seen_live) if self.seen_live else _("never seen live by us")
        if self.unknown:
            yield _("not known: {what}", what=told(self.unknown))


NOTHING_KNOWN = Quality()
