"""The engine: everything between parse, plan and perform. It knows no vendor."""
