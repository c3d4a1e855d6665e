"""For benchmarks/step_time.py: what is run, how it is timed, what is reported."""
