"""What a connector gets to call its vendor with: access, settings, deadlines."""
