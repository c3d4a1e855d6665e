"""Write the table and the picture of the packages from the import rules.

    python -m maintenance.architecture            # or: make architecture

`.importlinter` is the one place that says which package may import which.
"""

from __future__ import annotations

import ast
from configparser import ConfigParser
from pathlib import Path

from maintenance.pages import ROOT, run, with_part

__all__ = ['layers', 'picture', 'table', 'texts']

RULES = ROOT / '.importlinter'


def layers(contract: str = 'packages') -> list[list[str]]:
    """The lines of a contract, highest first, each with the packages beside each other.

    Args:
        contract: The end of its section's name.
    """
    rules = ConfigParser()
    rules.read(RULES, encoding='utf-8')
    lines = rules[f'importlinter:contract:{contract}']['layers'].split('\n')
    return [
        [name.strip() for name in line.split('|')] for line in lines if line.strip()
    ]


def table() -> str:
    """Markdown: each package, what is in it, and what it may import."""
    lines = ['| package | what is in it | may import |', '|---|---|---|']
    found = layers()
    for number, line in enumerate(found):
        below = [name for lower in found[number + 1 :] for name in lower]
        for name in sorted(line):
            what = f'`{_path(name).relative_to(ROOT)}`'
            lines.append(f'| {what} | {_first_line(name)} | {_shown(below)} |')
    return '\n'.join(lines)


def picture() -> str:
    """A Mermaid picture: a box for each line, with an arrow to what it imports."""
    lines = ['```mermaid', 'flowchart TD']
    for contract in ('packages', 'adapters'):
        found = layers(contract)
        for number, line in enumerate(found):
            lines.append(f'    {contract}{number}["{"<br/>".join(line)}"]')
        for number in range(len(found) - 1):
            lines.append(f'    {contract}{number} --> {contract}{number + 1}')
    inside = [number for number, line in enumerate(layers()) if 'adapters' in line]
    lines.append(f'    packages{inside[0]} -. inside of adapters .-> adapters0')
    return '\n'.join([*lines, '```'])


def texts() -> dict[Path, str]:
    """The pages, as they should be."""
    contributing = ROOT / 'CONTRIBUTING.md'
    page = ROOT / 'docs' / 'explanation' / 'architecture.md'
    return {
        contributing: with_part(contributing.read_text(), 'packages', table()),
        page: with_part(page.read_text(), 'picture', picture()),
    }


def _path(package: str) -> Path:
    folder = ROOT / 'ckd_mm' / package
    return folder if folder.is_dir() else folder.with_suffix('.py')


def _first_line(package: str) -> str:
    """The first sentence of its docstring, as the phrase of a table."""
    path = _path(package)
    source = path / '__init__.py' if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding='utf-8'))) or ''
    sentence = ' '.join(text.split('\n\n')[0].split())
    return sentence.split('. ')[0].rstrip('.')


def _shown(below: list[str]) -> str:
    if not below:
        return 'nothing'
    return f'{below[0]} and all below' if len(below) > 4 else ', '.join(below)


if __name__ == '__main__':
    run(texts(), 'make architecture')
