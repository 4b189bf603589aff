"""Standard Webhooks: what verifies, what doesn't, and what goes out byte by byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.engine.security.standardwebhooks import TOLERANCE, message_id, refusal, secrets_of, signed_headers
from svyazka.model.errors import ConfigError

SAMPLES = Path(__file__).parents[2] / "samples" / "standard-webhooks"
VECTORS = json.loads((SAMPLES / "vectors.json").read_bytes())
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SEED = base64.b64encode(bytes(range(32))).decode()
NOW = 1614265330


def pairs(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_is_judged_as_it_says(vector: dict[str, Any]) -> None:
    headers, body = pairs(vector["headers"]), base64.b64decode(vector["body_base64"])
    if vector["expect"] == "config_error":
        with pytest.raises(ConfigError):
            refusal(vector["secrets"], headers, body, vector["now"])
        return
    assert (refusal(vector["secrets"], headers, body, vector["now"]) is None) is vector["expect"]


def test_what_goes_out_is_the_sample_byte_by_byte() -> None:
    head, _, body = (SAMPLES / "outgoing_signed.http").read_bytes().partition(b"\r\n\r\n")
    wanted = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    made = signed_headers("whsec_aHViLW91dGdvaW5nLXRlc3Qta2V5LTAwMDE=", wanted["webhook-id"], 1763700000, body)
    assert made == {name: wanted[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}


@pytest.mark.parametrize("secret", [f"whsk_{SEED}", f"{SECRET} whsk_{SEED}"])
def test_an_ed25519_key_signs_what_its_public_half_verifies(secret: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    headers = pairs(signed_headers(secret, "msg_1", NOW, b"{}"))
    assert refusal([f"whpk_{base64.b64encode(public).decode()}"], headers, b"{}", NOW) is None
    assert refusal([f"whpk_{base64.b64encode(bytes(32)).decode()}"], headers, b"{}", NOW) is not None
    whole = base64.b64encode(bytes(range(32)) + public).decode()
    assert signed_headers(f"whsk_{whole}", "msg_1", NOW, b"{}") == signed_headers(f"whsk_{SEED}", "msg_1", NOW, b"{}")


def test_two_secrets_sign_together_and_either_verifies() -> None:
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    headers = pairs(signed_headers(f"{SECRET}, {other}", "msg_1", NOW, b"{}"))
    for secret in (SECRET, other):
        assert refusal([secret], headers, b"{}", NOW) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-id": "msg.1"}, "holds a dot"),
        ({"webhook-timestamp": "1_614_265_330"}, "isn't a number"),
        ({"webhook-timestamp": "-1614265330"}, "isn't a number"),
        ({"webhook-timestamp": "1614265330.0"}, "isn't a number"),
        ({"webhook-timestamp": "٣"}, "isn't a number"),
        ({"webhook-signature": ""}, "expected the headers"),
        ({"webhook-signature": "v9,{0}"}, "no signature"),
        ({"webhook-signature": "{0}"}, "no signature"),
        ({"webhook-signature": "v1, {0}"}, "no signature"),
        ({"webhook-signature": "v1a,{0}"}, "no signature"),
    ],
)
def test_what_is_shifted_or_misspelled_is_refused_with_a_reason(change: dict[str, str], reason: str) -> None:
    good = signed_headers(SECRET, "msg_1", NOW, b"{}")
    bare = good["webhook-signature"].partition(",")[2]
    wrong = {name: value.format(bare) for name, value in change.items()}
    headers = [(k.encode(), v.encode("utf-8")) for k, v in {**good, **wrong}.items()]
    assert reason in str(refusal([SECRET], headers, b"{}", NOW))


def test_a_list_joined_by_a_gateway_still_parses_and_a_header_that_came_twice_is_not_guessed_at() -> None:
    good = signed_headers(SECRET, "msg_1", NOW, b"{}")
    joined = {**good, "webhook-signature": f"v1,AAAA, {good['webhook-signature']},"}
    assert refusal([SECRET], pairs(joined), b"{}", NOW) is None
    split = [*pairs(good), (b"Webhook-Signature", b"v1,AAAA")]
    assert refusal([SECRET], split, b"{}", NOW) is None
    assert "came twice" in str(refusal([SECRET], [*pairs(good), (b"webhook-id", b"msg_2")], b"{}", NOW))
    assert message_id([*pairs(good), (b"webhook-id", b"msg_2")]) is None
    assert message_id(pairs(good)) == "msg_1"


@pytest.mark.parametrize("off", [-TOLERANCE - 1, -TOLERANCE, TOLERANCE, TOLERANCE + 1])
def test_a_clock_may_be_off_by_five_minutes_either_way(off: int) -> None:
    headers = pairs(signed_headers(SECRET, "msg_1", NOW, b""))
    assert (refusal([SECRET], headers, b"", NOW + off) is None) is (abs(off) <= TOLERANCE)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_???", "whpk_AAAA", "whsk_AAAA", f"whsk_{SEED}", "жук", "whsec_ä"]
)
def test_a_secret_that_can_be_none_is_a_mistake_of_the_settings_and_not_quoted(secret: str) -> None:
    headers = pairs(signed_headers(SECRET, "msg_1", NOW, b""))
    with pytest.raises(ConfigError, match="signing secret: expected") as caught:
        refusal([secret], headers, b"", NOW)
    if len(secret) > 6:
        assert secret not in str(caught.value)


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whpk_AAAA", "whsk_AAAA"])
def test_what_cannot_sign_says_so(secret: str) -> None:
    with pytest.raises(ConfigError, match="signing secret: expected"):
        signed_headers(secret, "msg_1", NOW, b"")


def test_secrets_stand_beside_each_other_while_they_are_rotated() -> None:
    assert secrets_of(" a  b,c\n") == ["a", "b", "c"]
    assert secrets_of("") == []


@given(st.binary(), st.text(alphabet="abcXYZ019_-", min_size=1, max_size=40), st.integers(0, 2**40))
def test_what_is_signed_verifies_and_any_other_body_does_not(body: bytes, message: str, at: int) -> None:
    headers = pairs(signed_headers(SECRET, message, at, body))
    assert refusal([SECRET], headers, body, at) is None
    assert refusal([SECRET], headers, body + b"x", at) is not None


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.binary()))
def test_any_headers_are_judged_without_surprise(headers: dict[str, bytes]) -> None:
    assert refusal([SECRET], [(name.encode(), value) for name, value in headers.items()], b"", NOW) is not None
