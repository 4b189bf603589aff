"""iiko: a restaurant's till, read through iikoCloud API (contracts 9.7.5.2)."""
