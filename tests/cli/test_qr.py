"""QR codes, read back by a decoder that isn't ours: what is scanned is what was meant."""

from __future__ import annotations

import base64
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from cli.conftest import Installation
from svyazka.backends.local.store import LocalStore
from svyazka.cli.commands.qr import tables_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.worker import Worker
from svyazka.model.errors import ConfigError
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    By,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
    attempt_number,
)

BILL = "https://pay.invoicebox.ru/order/0195a000-0000-7000-8000-00000000cccc"
PAID, OVER = f"pay_{8:024x}", f"pay_{9:024x}"
TABLE = "https://example.org/pay?table={table}&place=%D0%BA%D0%BE%D1%84%D0%B5"


def scanned(image: Image.Image) -> list[str]:
    """What a phone would read."""
    return [one.text for one in zxingcpp.read_barcodes(image)]


def image_of_svg(text: str, scale: int = 4) -> Image.Image:
    """segno's drawing: rows of strokes, each of whole modules."""
    side = int(re.search(r'width="(\d+)"', text)[1]) // 12  # type: ignore[index]
    image = Image.new("L", (side, side), 255)
    x = y = 0.0
    for command, first, second in re.findall(r"([Mmh])\s*(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", text.partition(' d="')[2]):
        if command == "h":
            for dark in range(int(x), int(x) + int(first)):
                image.putpixel((dark, int(y)), 0)
            x += int(first)
        else:
            x, y = (float(first), float(second)) if command == "M" else (x + float(first), y + float(second))
    return image.resize((side * scale, side * scale))


@pytest.mark.parametrize("address", [BILL, "https://example.org/оплата?стол=7", "https://e.org/" + "x" * 900])
def test_a_code_is_read_as_the_address(address: str, bare: Installation, tmp_path: Path) -> None:
    for name in ("code.png", "code.svg"):
        bare.svyazka("qr", address, "--out", str(tmp_path / name))
    assert scanned(Image.open(tmp_path / "code.png")) == [address]
    assert scanned(image_of_svg((tmp_path / "code.svg").read_text())) == [address]


def test_each_table_has_a_tent_with_its_own_code_on_both_sides(bare: Installation, tmp_path: Path) -> None:
    out = tmp_path / "tents.html"
    bare.svyazka("qr", TABLE, "--out", str(out), "--tables", "1-3,терраса 1", "--title", "Кофейня <«Ко»>")
    page = out.read_text()
    assert page.count("<section>") == 4
    assert "Кофейня &lt;«Ко»&gt;" in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == [], "nothing is loaded from anywhere"
    read = []
    for code in re.findall(r'src="data:image/png;base64,([^"]+)"', page):
        (address,) = scanned(Image.open(io.BytesIO(base64.b64decode(code))))
        read.append(address)
    each = ["1", "2", "3", "%D1%82%D0%B5%D1%80%D1%80%D0%B0%D1%81%D0%B0%201"]
    assert read == [TABLE.replace("{table}", table) for table in each for _ in range(2)]


def test_a_payments_link_is_drawn_and_one_that_was_called_off_isnt(hub: Installation, tmp_path: Path) -> None:
    id_, now = f"pay_{7:024x}", datetime.now(UTC)
    attempts = tuple(
        Attempt(
            n=n, connection="bills", vendor="invoicebox", by=By.LINK, number=attempt_number(id_, n), url=url,
            called_off=off,
        )
        for n, url, off in ((1, BILL, False), (2, "https://example.org/gone", True))
    )  # fmt: skip
    asked = tuple(
        Transaction(id=f"t{n}", kind=TransactionKind.PURCHASE, attempt=n, status=TransactionStatus.PENDING,
                    amount=Money(kopecks=100), at=now)
        for n in (1, 2)
    )  # fmt: skip
    payment = Payment(
        id=id_, tenant="kofe", connection="till", flow="pay", event="evt_1", order="7", amount=Money(kopecks=100),
        attempts=attempts, transactions=asked, created_at=now, changed_at=now,
    )  # fmt: skip
    over = asked[0].model_copy(update={"status": TransactionStatus.DECLINED})
    dead = payment.model_copy(update={"id": OVER, "order": "9", "transactions": (over,)})

    paid = payment.model_copy(update={"id": PAID, "order": "8", "state": PaymentState.PAID})

    async def kept(worker: Worker, store: LocalStore) -> None:
        await store.commit([Put(journal.document(payment)), Put(journal.document(paid)), Put(journal.document(dead))])

    hub.opened(kept)
    hub.svyazka("qr", id_, "--out", str(tmp_path / "bill.png"))
    assert scanned(Image.open(tmp_path / "bill.png")) == [BILL]
    assert "paid already" in hub.svyazka("qr", PAID, "--out", "x.png", status=1).output
    assert "no link by which it can still be paid" in hub.svyazka("qr", OVER, "--out", "x.png", status=1).output
    assert "no payment pay_none" in hub.svyazka("qr", "pay_none", "--out", "x.png", status=1).output


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("example.org", "--out", "a.png"), "https://example.org/pay"),
        (("javascript:alert(1)", "--out", "a.png"), "https://example.org/pay"),
        ((BILL, "--out", "a.pdf"), ".png, .svg or .html"),
        ((BILL, "--out", "a.html"), "belong together"),
        ((TABLE, "--out", "a.png"), "{table}"),
        ((BILL, "--out", "a.html", "--tables", "1-3"), "{table}"),
        ((TABLE, "--out", "a.html", "--tables", "3-1"), "each once"),
    ],
)
def test_what_cant_be_drawn_says_why(given: tuple[str, ...], says: str, bare: Installation) -> None:
    assert says in " ".join(bare.svyazka("qr", *given, status=1).output.split())


@pytest.mark.parametrize(("told", "names"), [("1-3", ["1", "2", "3"]), ("7, bar ,9-9", ["7", "bar", "9"])])
def test_tables_are_listed_in_their_order(told: str, names: list[str]) -> None:
    assert tables_of(told) == names


@pytest.mark.parametrize("told", ["", ",", "1,1", "1-600", "x" * 41])
def test_a_list_of_tables_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(ConfigError):
        tables_of(told)
