"""QR codes as files, and the page of table tents: each a sheet that is folded, with the code on both sides. Nothing of
it is loaded from anywhere."""

from __future__ import annotations

import io
from collections.abc import Mapping

import segno
from jinja2 import Environment

from svyazka.catalogue import _, reader

CORRECTION = "m"
"""A code is read with 15 % of it dirty."""

PAGE = """<!doctype html>
<html lang="{{ words.language }}">
<meta charset="utf-8">
<title>{{ title or words.scan }}</title>
<style>
@page { size: A4; margin: 0 }
body { margin: 0; font-family: system-ui, sans-serif; text-align: center; color: #000; background: #fff }
section { height: 296mm; break-after: page; display: grid; grid-template-rows: 1fr 1fr }
article { display: grid; align-content: center; gap: 4mm; padding: 8mm }
article:first-child { transform: rotate(180deg); border-top: 1px dashed #999 }
h1 { margin: 0; font-size: 22pt } h2 { margin: 0; font-size: 34pt } p { margin: 0; font-size: 16pt }
img { width: 70mm; height: 70mm; margin: auto; image-rendering: pixelated }
</style>
{% for table, code in codes %}<section>{% for side in (1, 2) %}
<article>{% if title %}<h1>{{ title }}</h1>{% endif %}<h2>{{ words.table }} {{ table }}</h2>
<img alt="{{ addresses[table] }}" src="{{ code }}"><p>{{ words.scan }}</p></article>{% endfor %}
</section>
{% endfor %}</html>
"""


def drawn(address: str, kind: str) -> bytes:
    """A code as a file: `.png` or `.svg`."""
    out = io.BytesIO()
    segno.make_qr(address, error=CORRECTION).save(out, kind=kind.removeprefix("."), scale=12)
    return out.getvalue()


def page(addresses: Mapping[str, str], title: str) -> str:
    """The tents of all tables: name -> address."""
    codes = [
        (table, segno.make_qr(address, error=CORRECTION).png_data_uri(scale=12)) for table, address in addresses.items()
    ]
    words = {"language": reader(), "table": _("Table"), "scan": _("Point your phone's camera here to pay")}
    template = Environment(autoescape=True).from_string(PAGE)
    return template.render(codes=codes, addresses=addresses, title=title, words=words)
