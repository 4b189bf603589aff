"""Stand-ins of every vendor, and a whole hub where a promise is the engine's and the vendor's together."""

from matrix.conftest import empty, front, hub, running, vendors

__all__ = ["empty", "front", "hub", "running", "vendors"]
