"""The way out to the network: HTTP clients, name lookups, addresses that may be called."""
