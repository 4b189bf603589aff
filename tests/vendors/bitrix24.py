"""Bitrix24, as the tests know it."""

from __future__ import annotations

from vendors.parts import Vendor

VENDOR = Vendor(name="bitrix24")
