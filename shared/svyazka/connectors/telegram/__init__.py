"""Telegram: messages through a bot, and what people answer to it (Bot API, May 2026)."""
