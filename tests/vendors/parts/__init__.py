"""What the tests know of a vendor: how it speaks, what it takes, how it fails. One description each, read by the kits,
the matrix of sources and channels, and chaos."""
