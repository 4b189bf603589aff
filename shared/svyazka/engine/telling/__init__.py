"""Who is told of trouble, once."""
