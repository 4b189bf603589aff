"""Systems in step, the pure part: which side changed what since they agreed, and what follows from it."""
