"""Values that must be kept for a while, sealed: `forget` and retention know them."""
