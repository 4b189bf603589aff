"""amoCRM (abroad: Kommo), API v4: deals, contacts and their webhooks; the inbound half."""
