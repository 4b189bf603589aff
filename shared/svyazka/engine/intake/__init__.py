"""The way in: a request is proved genuine, written down and queued."""
