"""The commands, one file a family; `app` is all of them, none imported before it is called."""

from __future__ import annotations

from typing import Any

import typer

from svyazka.catalogue import N_
from svyazka.cli.group import SETTINGS, Lazy, Loaded, Program
from svyazka.cli.options import Data, data_folder

_HERE = "svyazka.cli.commands"

COMMANDS = {
    "run": Lazy(f"{_HERE}.serve", "run_", N_(
        "Run everything on this machine: webhooks are received, and what was pending goes on.\n\n"
        "Ctrl-C or SIGTERM stops it cleanly.",
    )),
    "simulate": Lazy(f"{_HERE}.serve", "simulate", N_(
        "Run stand-ins of the vendors, with a ledger of what they received and scripted faults.",
    )),
    "demo": Lazy(f"{_HERE}.demo", "demo", N_(
        "Start hub and stand-ins on free ports, let a few things happen, and check what became of them.\n\n"
        "Exit status 0 only when everything is as promised.",
    )),
    "install": Lazy(f"{_HERE}.install", "install", N_(
        "Write what a server of your own needs: systemd's unit, Caddy's site, the environment.\n\n"
        "Says what it changes, asks before it changes a file that is there, and changes nothing that is right already.",
    )),
    "init": Lazy(f"{_HERE}.init", "init", N_(
        "Make a tenant file: asks what neither options nor environment say; with --yes it goes by the defaults.",
    )),
    "apply": Lazy(f"{_HERE}.configure", "apply", N_(
        "Show what tenant files would change, and do it.\n\n"
        "A tenant without a file stays as it is; connections and flows that left their file are removed.",
    )),
    "urls": Lazy(f"{_HERE}.hooks", "urls", N_(
        "The webhook address of each connection, key included: what goes into the vendors' cabinets.",
    )),
    "rotate": Lazy(f"{_HERE}.hooks", "rotate", N_(
        "A new webhook key for a connection; the old one works on until the rotation is finished.",
    )),
    "secret": Lazy(f"{_HERE}.secrets", "family", N_("Credentials of a tenant's connections.")),
    "auth": Lazy("svyazka.cli.auth", "auth", N_(
        "Authorise a connection: prints the link to agree at and waits for the answer, or takes a code.\n\n"
        "Whatever waited for this access goes on by itself.",
    )),
    "doctor": Lazy(f"{_HERE}.doctor", "doctor", N_(
        "Look at everything that has to be right; exit status 1 when something isn't.",
    )),
    "console": Lazy(f"{_HERE}.console", "console", N_(
        "Print a link into the console: good once, for ten minutes, in a browser on this machine.",
    )),
    "sign-ins": Lazy(f"{_HERE}.sign_ins", "sign_ins", N_(
        "Who is in the console: since when, last seen when; --end puts somebody out.",
    )),
    "problems": Lazy(f"{_HERE}.problems", "problems", N_(
        "What is wrong, the worst first: since when, what it holds up, who can mend it and how.",
    )),
    "diff": Lazy(f"{_HERE}.diff", "diff", N_(
        "Whether systems that are kept in step agree: how many fields, how fresh that is, and where they differ.",
    )),
    "links": Lazy(f"{_HERE}.links", "links", N_("Which objects of which systems are one thing.")),
    "unmerge": Lazy(f"{_HERE}.links", "unmerge", N_(
        "Take cards apart that are not the same person's: our links only, the systems' own merges stay.",
    )),
    "jobs": Lazy(f"{_HERE}.jobs", "family", N_(
        "Long work: imports, comparisons, first links. Without a command: what there is, newest first.",
    )),
    "payments": Lazy(f"{_HERE}.payments", "payments", N_(
        "What sites and apps had paid, newest first; of one, each movement of its money.",
    )),
    "subscriptions": Lazy(f"{_HERE}.subscriptions", "family", N_(
        "What is charged again and again. Without a command: what there is, newest first.",
    )),
    "refund": Lazy(f"{_HERE}.payments", "refund", N_(
        "Give money back, in two steps: --dry-run says what, and the word that lets it go.",
    )),
    "ship": Lazy(f"{_HERE}.ship", "ship", N_(
        "What was paid for is handed over: its provider makes the closing documents (Invoicebox).",
    )),
    "receipts": Lazy(f"{_HERE}.receipts", "receipts", N_(
        "Fiscal receipts, newest first; of one, each of its tries, and what a person decides about it.",
    )),
    "reconcile": Lazy(f"{_HERE}.reconcile", "reconcile", N_(
        "Compare a month's payments and refunds with what each provider lists: each difference, and why.",
    )),
    "partner": Lazy(f"{_HERE}.partner", "family", N_(
        "For a vendor's partner: bring businesses in, and what went through them.",
    )),
    "qr": Lazy(f"{_HERE}.qr", "qr", N_(
        "An address, or a payment's link, as a QR code; with --tables a page for each table, to print and fold.",
    )),
    "events": Lazy(f"{_HERE}.journal", "events", N_(
        "What happened at the vendors, newest first; what could not be read stands here too, as quarantined.",
    )),
    "deliveries": Lazy(f"{_HERE}.journal", "deliveries", N_("What we owe or have done, newest first.")),
    "alerts": Lazy(f"{_HERE}.journal", "alerts", N_("What somebody was told, newest first.")),
    "audit": Lazy(f"{_HERE}.journal", "audit", N_("Who did what by this command line, newest first.")),
    "show": Lazy(f"{_HERE}.show", "show", N_(
        "The story: what came, what was decided, each attempt with its request and answer, credentials cut out.",
    )),
    "replay": Lazy(f"{_HERE}.replay", "replay", N_(
        "Reopen final deliveries, plan events again, parse again what could not be read.\n\n"
        "Give ids, or filters; never sends again what succeeded, unless --again.",
    )),
    "held": Lazy(f"{_HERE}.held", "held", N_(
        "What a site was brought beyond all reason, or too quickly for fingers: let it go on, or end it.",
    )),
    "resolve": Lazy(f"{_HERE}.replay", "resolve", N_(
        "Say what became of a delivery of which nobody knows (`unknown`).",
    )),
    "retry": Lazy(f"{_HERE}.retry", "retry", N_(
        "Try a connection in trouble now, by one probe, and say what came of it.",
    )),
    "sync": Lazy(f"{_HERE}.sync", "family", N_("Systems that are kept in step with one another.")),
    "send": Lazy(f"{_HERE}.message", "send", N_(
        "Send one message: journaled, guarded and repeated like any other.",
    )),
    "preview": Lazy(f"{_HERE}.preview", "preview", N_(
        "Show what a sample event of a connection, a request's body, or a journaled event would send.",
    )),
    "import": Lazy(f"{_HERE}.importing", "import_", N_(
        "Look a file of clients through, and with --into bring it into a CRM: each line once, nothing merged unasked.",
    )),
    "pause": Lazy(f"{_HERE}.pause", "pause", N_(
        "Let deliveries wait; events are still taken in, and nothing is lost.",
    )),
    "resume": Lazy(f"{_HERE}.pause", "resume", N_(
        "Go on; what waited goes out at the connection's rate, unless it expired.",
    )),
    "forget": Lazy(f"{_HERE}.forget", "forget", N_(
        "Blank a person's data in every event, request and delivery, and leave a hashed do-not-contact mark.\n\n"
        "Exit status 1 while a message to him is being sent in this moment: run it again then.",
    )),
    "stats": Lazy(f"{_HERE}.stats", "stats", N_(
        "Events and deliveries by state, what waits longest, outages and cost, for each connection.\n\n"
        "Counts what came or was made since --since (the whole journal when left out).",
    )),
}  # fmt: skip
"""In the order of a first day: running, setting up, looking, acting."""


class All(Program):
    """The program with this table in it."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Loaded(COMMANDS)


app = typer.Typer(
    name="svyazka", cls=All, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings=SETTINGS,
)  # fmt: skip


@app.callback(help=N_("An integration hub for small businesses: webhooks in, messages and records out."))
def _begin(data: Data = None) -> None:
    data_folder.set(data)


__all__ = ["COMMANDS", "app"]
