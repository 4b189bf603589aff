"""A business's own file, `tenants/<id>.yaml`: read, with all its mistakes told at once."""
