"""Firestore, Cloud Tasks, Secret Manager."""
