"""Write a folder of generated files once and completely, and overwrite nothing."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ['MANIFEST', 'write_once']

MANIFEST = 'manifest.json'


def write_once(
    root: Path, settings: dict[str, object], write: Callable[[Path], None]
) -> bool:
    """Make `root` with `write`, unless `root` already has what `write` would make.

    The files are written to a folder beside `root`, which is then renamed. So `root` is
    always complete: an interrupted run leaves no `root`, and the next one starts again.
    A manifest inside holds the settings and a hash of all other files.

    Args:
        root: The folder to make.
        settings: What the files depend on, including the version of the writer; plain
            JSON.
        write: Fills the folder that it is given.

    Returns:
        True if the files were written, False if they were there already.

    Raises:
        FileExistsError: `root` holds something else.
    """
    if _is_complete(root, settings):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f'.{root.name}-unfinished-', dir=root.parent
    ) as scratch:
        folder = Path(scratch) / root.name
        folder.mkdir()
        write(folder)
        manifest = {'settings': settings, 'sha256': _hash(folder)}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + '\n')
        try:
            folder.rename(root)  # replaces an empty folder; raises for any other
        except OSError:
            # another process may have written it meanwhile
            if not _is_complete(root, settings):
                raise
            return False
    return True


def _is_complete(root: Path, settings: dict[str, object]) -> bool:
    """Whether `root` holds the files already; False if there is nothing.

    Raises:
        FileExistsError: `root` holds something else.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    found = _difference(root, settings)
    if found is not None:
        raise FileExistsError(
            f'{root} exists, but {found}; it is left as it is. Delete or rename it, '
            'or choose another folder, and run this again'
        )
    return True


def _difference(root: Path, settings: dict[str, object]) -> str | None:
    """How `root` differs from the folder that `write` would make, if it does."""
    if not root.is_dir():
        return 'it is not a folder'
    try:
        manifest = json.loads((root / MANIFEST).read_text())
        old_settings, old_hash = manifest['settings'], manifest['sha256']
    except (OSError, ValueError, KeyError, TypeError):
        names = sorted(path.name for path in root.iterdir())
        shown = ', '.join(names[:5]) + (', ...' if len(names) > 5 else '')
        return f'not written by this command (no readable {MANIFEST}; it has {shown})'
    if old_settings != settings:
        return f'written with other settings ({old_settings} instead of {settings})'
    if old_hash != _hash(root):
        return 'its files were changed, added to or removed since they were written'
    return None


def _hash(folder: Path) -> str:
    """A hash of the names and contents of all files but the manifest."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob('*') if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name != MANIFEST:
            digest.update(f'{name}\0{path.stat().st_size}\0'.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
