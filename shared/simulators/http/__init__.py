"""Any other system: an endpoint that takes whatever comes, and a business's own system with cards of people."""

from simulators.http.endpoint import SECRET, HttpSink

SIMULATOR = HttpSink

__all__ = ["SECRET", "SIMULATOR", "HttpSink"]
