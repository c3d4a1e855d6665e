"""The command `ckd_mm`: runs a script of `tools/` from any folder."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from ckd_mm.registry import did_you_mean

__all__ = ['main']

_PACKAGE = Path(__file__).resolve().parents[1]


def main() -> None:
    """`ckd_mm NAME ARGUMENTS...` runs `tools/NAME.py ARGUMENTS...`.

    The scripts are those of the checkout, or those that the wheel ships. The exit
    status is the script's.
    """
    tools = _tools()
    name, *arguments = sys.argv[1:] or ['--help']
    if name in ('-h', '--help'):
        print('usage: ckd_mm NAME [ARGUMENTS ...]\n')
        width = max(map(len, tools))
        for tool, path in sorted(tools.items()):
            print(f'  {tool:{width}}  {_summary(path)}')
        print('\nckd_mm NAME --help shows the arguments.')
        return
    if name not in tools:
        sys.exit(
            f'error: expected the name of a tool, got {name!r}'
            f'{did_you_mean(name, tools)}; ckd_mm --help lists them'
        )
    try:
        command = [sys.executable, str(tools[name]), *arguments]
        sys.exit(subprocess.run(command).returncode)
    except KeyboardInterrupt:  # the script has seen it too, and has said so
        sys.exit(130)


def _summary(path: Path) -> str:
    """The first sentence of a script's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''
    return ' '.join(text.split('\n\n')[0].split())


def _tools() -> dict[str, Path]:
    """The scripts by name; those that only help another one have no `main` guard."""
    folders = _PACKAGE / '.mim/tools', _PACKAGE.parent / 'tools'
    folder = next(filter(Path.is_dir, folders))
    return {
        path.stem: path
        for path in folder.glob('*.py')
        if '__main__' in path.read_text(encoding='utf-8')
    }
