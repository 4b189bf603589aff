"""Resend: letters, and what became of them."""
