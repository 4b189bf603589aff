from backends.google.fixtures import cloud_tasks, firestore, google, proxied, wire

__all__ = ["cloud_tasks", "firestore", "google", "proxied", "wire"]
