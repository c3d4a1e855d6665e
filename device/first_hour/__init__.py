"""The first hour on a GPU: what is promised of a GPU, tried on one, as one table.

    python -m device.first_hour prepare               # where there is a network
    python -m device.first_hour check|bench|train     # on the machine with the GPU
    python -m device.first_hour check --dry-run       # on a CPU
    python -m device.first_hour table --from FOLDER   # one table of all three

docs/gpu.md says what each row shows. The commands themselves need Python only; each
question is answered in a process of its own.
"""
