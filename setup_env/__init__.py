"""Set up the virtual environment of a checkout, `.venv`: `make setup` runs this.

It needs nothing but Python. Each step leaves a stamp, a hash of what the step depends
on, so that a second run skips what is current and an interrupted one goes on where it
was. The slow step, compiling mmcv, keeps its object files until it is done, and its
wheel for other checkouts. docs/install.md has the figures.
"""
