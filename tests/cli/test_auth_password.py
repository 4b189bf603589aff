"""`svyazka auth` for YCLIENTS: login and password are asked unseen and used once; only the token is kept."""

from __future__ import annotations

import pytest

from cli.conftest import Installation
from simulators.registry import load_simulator
from simulators.serve import serve
from simulators.yclients.simulator import CODE, LOGIN, PARTNER_TOKEN, PASSWORD, USER_TOKEN

FILE = """\
id: salon
name: Салон
timezone: Europe/Moscow
connections:
  book:
    vendor: yclients
    company_id: 997441
    base_url: "%s"
    partner_token: {secret: partner}
    user_token: {secret: user}
"""


@pytest.mark.parametrize("two_factor", [False, True])
def test_a_password_becomes_a_token_and_is_kept_nowhere(bare: Installation, two_factor: bool) -> None:
    with serve([load_simulator("yclients")]) as running:
        running.of("yclients").two_factor = two_factor
        bare.file.write_text(FILE % running.base_url("yclients"), "utf-8")
        bare.svyazka("apply", str(bare.file), "--yes")
        assert "set partner_token first" in bare.svyazka("auth", "salon/book", given="a\nb\n", status=1).stderr
        bare.svyazka("secret", "set", "salon", "partner", given=PARTNER_TOKEN)
        bare.svyazka("auth", "salon/book", given=f"{LOGIN}\nwrong-password\n", status=1)
        said = bare.svyazka("auth", "salon/book", given=f"{LOGIN}\n{PASSWORD}\n" + (f"{CODE}\n" if two_factor else ""))
        assert "is authorised" in said.output
        (found,) = [row for row in bare.rows("doctor", "salon", "--live", status=1) if row["check"] == "company"]
        assert found["status"] == "ok"
    stored = b"".join(path.read_bytes() for path in bare.data.rglob("*") if path.is_file())
    for secret in (PASSWORD, "wrong-password", USER_TOKEN):
        assert secret not in "".join(bare.outputs)
        assert secret.encode() not in stored
