"""Payments: begun, looked at, given back. What is decided about money is decided on the payment's own document."""
