"""A device to test on: a CUDA device that is mocked on the CPU, or a real one.

For developers. :mod:`device.mock` has the mock, :mod:`device.real` a GPU behind the
same interface, :mod:`device.steps` training steps on either. `docs/device.md` says what
the mock shows and what only a GPU can show.
"""
