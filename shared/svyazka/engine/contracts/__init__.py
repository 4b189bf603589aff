"""What connectors and flows are written against."""
