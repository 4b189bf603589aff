"""What an operator does by hand: replay, resolve, send, preview."""
