"""One file a flow: its settings, what it wants to know, and what it then wants done. Pure."""
