"""One folder a vendor, the same few files in each."""
