"""A connection's outage: its states, probes and the release of what waited."""
