"""What the journal holds, found and masked for people to read: the command line and the console both show it."""
