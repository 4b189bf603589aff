"""What a connector can be for the hub: one small protocol a file, with its commands and what each must state."""
