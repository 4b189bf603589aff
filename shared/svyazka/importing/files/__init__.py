"""Files as other programs wrote them, told apart by what stands in them, never by their names."""
