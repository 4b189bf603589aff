"""What a backend provides: store, queue, inbox, clock."""
