"""Bitrix24: leads, deals, contacts, companies, comments and tasks, by an incoming webhook or a local application."""
