"""sms.ru: text messages to Russian mobile phones, and what became of them."""
