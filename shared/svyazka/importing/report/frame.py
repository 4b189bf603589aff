"""The frame of a report: one page that can be sent by mail, opened anywhere, and asks nobody for anything.

Whatever stands in it is escaped, and its own policy lets nothing run and nothing be loaded: a name in a client base may
be anybody's attempt at a script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from svyazka.catalogue import reader

_STYLE = """
:root{color-scheme:light dark;--good:#2e7d4f;--plain:#5b7aa6;--asked:#b7791f;--bad:#b83a3a;--line:#8884}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap}
svg{width:100%;height:auto;font:13px system-ui,sans-serif;fill:currentColor}
.label{text-anchor:end}.good{fill:var(--good)}.plain{fill:var(--plain)}.asked{fill:var(--asked)}.bad{fill:var(--bad)}
.lead{font-size:1.1rem}small{opacity:.75}
""".strip()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def framed(title: str, parts: Iterable[str]) -> str:
    """The whole page, of parts that are escaped already."""
    return (
        f'<!doctype html><html lang="{reader()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=True)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; whatever stands in it is text."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell).replace(chr(10), '<br>')}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
