"""MAX: messages through a bot, and what people answer to it (platform-api2.max.ru, 2026)."""
