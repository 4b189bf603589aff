"""YCLIENTS: a salon's booking calendar, read through its REST API v1 (OpenAPI 3.0.3 of the vendor)."""
