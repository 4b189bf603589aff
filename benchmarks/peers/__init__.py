"""The same work by others: a webhook in, a message out, on the same machine, by the same driver into the same sink.

They are no part of this repository and of its lock: README.md in this folder says where to get them. Who isn't there is
left out, and the result says so.
"""
