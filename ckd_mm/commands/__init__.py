"""What the scripts in `tools/` do, for whoever wants it in Python."""
