"""MTS Exolve: text messages to Russian mobile phones, what became of them, and what people answer."""
