"""The version of the package; `setup.py` reads it from here without importing torch."""

__all__ = ['__version__']

__version__ = '0.1.0'
