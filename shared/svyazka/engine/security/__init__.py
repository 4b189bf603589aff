"""Keys, seals and signatures."""
