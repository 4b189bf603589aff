"""Any webhook in, any HTTP call out: for systems that have no connector of their own."""
