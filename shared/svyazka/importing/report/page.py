"""The report as one page, in its frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from svyazka.catalogue import N_, _, ngettext, told
from svyazka.importing.clusters import REASONS
from svyazka.importing.fields import FIELDS
from svyazka.importing.outcomes import OUTCOMES, Outcome
from svyazka.importing.remarks import SAID, Kind, Why
from svyazka.importing.report.charts import Bar, bars, number
from svyazka.importing.report.frame import framed, table
from svyazka.importing.report.totals import SHOWN, Totals

DONE = {
    "created": N_("made anew in the CRM"), "updated": N_("brought up to date there"),
    "unchanged": N_("stands there already"), "linked": N_("taken together with another line"),
    "failed": N_("refused by the CRM"), "would_create": N_("would be made anew in the CRM"),
    "would_update": N_("would be brought up to date there"),
    "many_there": N_("several in the CRM may be this person: somebody has to say"),
    "gone": N_("was deleted in the CRM since: not made anew"), "skipped": N_("forgotten at the person's wish"),
    "taken": N_("its card in the CRM is another line's: somebody has to say"),
    "resembles": N_("somebody of this name is in the CRM under another phone: somebody has to say"),
    "unshown": N_("a card with this phone is there, and its name isn't shown: somebody has to say"),
    "other_person": N_(
        "the card of its code shows another name and other phones: is it another file? Then give it another --as"
    ),
    "lacks": N_("the CRM makes no card without what this line lacks"),
    "waits": N_("not yet carried over"),
}  # fmt: skip
"""What became of a line at the CRM, beside the outcomes of the file alone."""
WHERE_TO = N_(
    "Name a field of the CRM for it in the connection's settings (`fields`, where it has them) and bring the file once "
    "more: what is empty there is filled."
)
_TONES = {
    "ready": "good", "created": "good", "updated": "good", "unchanged": "good", "would_create": "good",
    "would_update": "good", "linked": "good", "merged": "good", "doubt": "asked", "many_there": "asked",
    "taken": "asked", "resembles": "asked", "unshown": "asked", "other_person": "asked", "gone": "asked",
    "waits": "asked", "skipped": "plain",
    "unusable": "bad", "broken": "bad", "lacks": "bad", "failed": "bad",
}  # fmt: skip
_KINDS = {
    Kind.CHANGED: N_("Put right"), Kind.PROPOSED: N_("Looks wrong, left as it stands"),
    Kind.LEFT_OUT: N_("Couldn't be used"),
}  # fmt: skip
_TONE_OF_KIND = {Kind.CHANGED: "good", Kind.PROPOSED: "asked", Kind.LEFT_OUT: "bad"}


def page(totals: Totals, made_at: datetime) -> str:
    """The whole page."""
    title = _("Import of {file}", file=totals.file)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p><small>{escape(totals.how)} · {made_at:%d.%m.%Y %H:%M}</small></p>',
        f'<p class="lead">{escape(_summary(totals))}</p>',
        _lines(totals), _columns(totals), _left_out(totals), _remarks(totals), _doubts(totals),
        _examples(totals), _failed(totals),
    ]  # fmt: skip
    return framed(title, parts)


def title_of(field: str) -> str:
    """What a field is called, in the reader's words; one of the CRM's own by its name in the settings."""
    return _(FIELDS[field].title) if field in FIELDS else field


def name_of(what: str) -> str:
    """What became of a line, in the reader's words."""
    return _(DONE[what] if what in DONE else OUTCOMES[Outcome(what)])


def _summary(totals: Totals) -> str:
    told_ = ngettext("{count} line, each accounted for once.", "{count} lines, each accounted for once.", totals.lines)
    asked = len(totals.clusters)
    if not asked:
        return told_
    return told_ + " " + ngettext(
        "{count} group may be one person: nothing was merged.",
        "{count} groups may be one person each: nothing was merged.",
        asked,
    )  # fmt: skip


def _lines(totals: Totals) -> str:
    found = [Bar(name_of(what), count, _TONES.get(what, "plain")) for what, count in totals.outcomes.most_common()]
    return _section(_("What became of each line"), found, _("Lines"))


def _remarks(totals: Totals) -> str:
    found = [
        Bar(_(SAID[why][1]), count, _TONE_OF_KIND[kind])
        for kind in _KINDS
        for why, count in totals.of_kind(kind).items()
    ]
    if not found:
        return ""
    by_kind = {_(SAID[why][1]): _(_KINDS[SAID[why][0]]) for why in Why}
    rows = [(by_kind[bar.label], bar.label, number(bar.value)) for bar in found]
    title = _("What was put right, and what couldn't be")
    heads = ("", _("What"), _("Lines"))
    return f"<h2>{escape(title)}</h2>{bars(title, found)}{table(heads, rows)}"


def _section(title: str, found: Sequence[Bar], counted: str) -> str:
    rows = [(bar.label, number(bar.value)) for bar in found]
    heads = (_("What"), counted)
    return f"<h2>{escape(title)}</h2>{bars(title, found)}{table(heads, rows)}"


def _columns(totals: Totals) -> str:
    rows, told_of = [], set[str]()
    for guess in totals.columns.guesses:
        taken = _("left out") if guess.field is None else title_of(guess.field)
        share = totals.filled[guess.field] if guess.field and guess.field not in told_of else None
        told_of |= {guess.field} if guess.field else set()
        sure = f"{round(guess.sure * 100)} %" if guess.field else ""
        rows.append(
            (guess.letter, guess.title, taken, sure, told(guess.why), number(share) if share is not None else "")
        )
    heads = ("", _("Heading"), _("Taken for"), _("Sure"), _("Why"), _("Filled"))
    return _titled(_("Columns"), heads, rows)


def _left_out(totals: Totals) -> str:
    if not totals.left_out:
        return ""
    rows = [(title_of(name), number(count)) for name, count in totals.left_out.most_common()]
    title, why = _("Not carried over: the CRM has no place for it"), _(WHERE_TO)
    heads = (_("What"), _("Lines"))
    return f"<h2>{escape(title)}</h2><p>{escape(why)}</p>{table(heads, rows)}"


def _doubts(totals: Totals) -> str:
    if not totals.clusters:
        return ""
    rows = []
    for cluster in totals.clusters[:SHOWN]:
        people = [totals.people_of_clusters[line] for line in cluster.lines if line in totals.people_of_clusters]
        lines = "\n".join(
            _person(row.number, row.text("name"), row.texts("phone"), row.texts("email")) for row in people
        )
        why = "; ".join(_(REASONS[reason]) for reason in sorted(cluster.reasons))
        said = _("nothing speaks against it") if cluster.alike else _("something speaks against it")
        rows.append((lines, why, said, cluster.id))
    heads = (_("Lines"), _("What they share"), _("One person?"), _("Id"))
    return _titled(_("May be one person"), heads, rows) + _more(len(totals.clusters))


def _person(line: int, name: str | None, phones: Sequence[str], mails: Sequence[str]) -> str:
    return f"{line}: " + ", ".join(filter(None, (name, *phones, *mails)))


def _examples(totals: Totals) -> str:
    if not totals.examples:
        return ""
    rows = [
        (number(line), totals.title(place), remark.was, remark.now or "", _(SAID[remark.why][1]))
        for line, place, remark in totals.examples
    ]
    heads = (_("Line"), _("Column"), _("Stands there"), _("May be meant"), _("What is wrong"))
    all_ = sum(count for why, count in totals.remarks.items() if SAID[why][0] is not Kind.CHANGED)
    return _titled(_("Cells to look at"), heads, rows) + _more(all_)


def _failed(totals: Totals) -> str:
    if not totals.failed:
        return ""
    rows = [(number(one.row.number), one.row.text("name") or "", one.note or "") for one in totals.failed]
    heads = (_("Line"), _("Name"), _("What the CRM said"))
    return _titled(_("Not taken by the CRM"), heads, rows)


def _more(count: int) -> str:
    if count <= SHOWN:
        return ""
    said = _("{shown} of {all}; the workbook has them all", shown=SHOWN, all=count)
    return f"<p><small>{escape(said)}</small></p>"


def _titled(title: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    return f"<h2>{escape(title)}</h2>{table(heads, rows)}"
