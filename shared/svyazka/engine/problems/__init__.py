"""What is wrong, as cards that open and close by themselves; who is to know is told through `telling`."""
