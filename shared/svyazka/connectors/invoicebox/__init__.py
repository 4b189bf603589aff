"""Invoicebox: bills that companies and sole traders pay by link or QR."""
