"""What the scripts in `tools/` do, for use in Python."""
