"""Where the engine's ports end: SQLite on one machine, Firestore and Cloud Tasks in the cloud."""
