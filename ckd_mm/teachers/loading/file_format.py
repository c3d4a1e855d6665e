"""In which format a file of weights is, by its first bytes."""

from __future__ import annotations

from pathlib import Path

__all__ = ['check_format']

_PICKLE = b'\x80'  # PyTorch before 1.6
_TAR = slice(257, 262)  # PyTorch before 0.2
_ZIP = b'PK\x03\x04'


def check_format(path: Path) -> None:
    """Check that a file can be one of weights, before a library reads it.

    The libraries choose the format by the ending of the name.

    Raises:
        ValueError: It is neither safetensors nor a PyTorch file, or its name has the
            ending of the other.
    """
    with path.open('rb') as file:
        start = file.read(512)
    header = int.from_bytes(start[:8], 'little')
    is_safetensors = start[8:9] == b'{' and header < path.stat().st_size
    if not is_safetensors and not _is_of_pytorch(start):
        found = f'it begins with {start[:16]!r}' if start else 'it is empty'
        raise ValueError(
            f'checkpoint: {path} cannot be read, as it is neither safetensors '
            f'nor a PyTorch file: {found}; give a file of weights. A download that '
            'failed leaves a page of text'
        )
    if is_safetensors != (path.suffix == '.safetensors'):
        found = 'safetensors' if is_safetensors else 'a PyTorch file'
        ending = '.safetensors' if is_safetensors else '.pth'
        raise ValueError(
            f'checkpoint: {path} is {found} by its content, which its name '
            f'does not say; rename it to {path.with_suffix(ending).name}'
        )


def _is_of_pytorch(start: bytes) -> bool:
    """Whether a file begins as those of PyTorch, or as a `.npz` of NumPy."""
    return start.startswith((_PICKLE, _ZIP)) or start[_TAR] == b'ustar'
