"""WhatsApp by Meta's Cloud API: templates, texts within the 24-hour window, and what people answer."""
