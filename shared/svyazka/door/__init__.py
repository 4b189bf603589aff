"""The front door: what a business's own site, bots, tills and Mini Apps call."""
