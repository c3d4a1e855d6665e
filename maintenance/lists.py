"""Write the lists of losses from what stands in their own files.

    python -m maintenance.lists            # or: make lists

A loss has a function, a module, a method card and a config. Where all losses are
listed (two `__init__` files, `docs/methods.md`, `configs/README.md`) this writes the
lists.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from maintenance.pages import ROOT, run, with_part

__all__ = [
    'TABLES',
    'exports',
    'init_text',
    'methods',
    'methods_text',
    'texts',
    'unlisted_configs',
]

WIDTH = 88
CARDS = ROOT / 'docs' / 'methods'
GROUPS = {
    'maps': (
        r'feature maps|`(neck|backbone|encoder|cam|tokens)`'
        r'|`(semantic_logits|roi_features)`'
    ),
    'logits': r'`\w*(logits|objectness|distribution)`',
    'embeddings': r'`embedding`',
    'boxes': r'`\w+_boxes`',
}
"""How the words after "On:" in a card begin, by table; the first that fits has it."""
TABLES = *GROUPS, 'maps-learned'
"""The tables of `docs/methods.md`; the last has the losses of maps that learn."""


def exports(package: Path) -> dict[str, list[str]]:
    """The public names of each module of a package, by the name of the module."""
    found = {}
    for path in sorted(package.glob('*.py'), key=lambda path: _natural(path.stem)):
        if not path.stem.startswith('_'):
            names = _all_of(ast.parse(path.read_text(encoding='utf-8')))
            found[path.stem] = [name for name in names if not _is_constant(name)]
            if not found[path.stem]:
                raise ValueError(
                    f'{package.name}/{path.name} needs `__all__ = [...]` with a name '
                    f'in lower case or in ...Loss, or is private: "_{path.name}"'
                )
    return found


def init_text(package: Path) -> str:
    """The `__init__` of a package: its docstring as it is, and all names."""
    source = (package / '__init__.py').read_text(encoding='utf-8')
    docstring = source[: source.index('from __future__')]
    dotted = '.'.join(package.relative_to(ROOT).parts)
    names = exports(package)
    imports = [_import(f'{dotted}.{module}', names[module]) for module in names]
    listed = sorted(name for found in names.values() for name in found)
    return '\n'.join(
        [
            f'{docstring}from __future__ import annotations',
            '',
            *imports,
            '',
            '__all__ = [',
            *(f"    '{name}'," for name in listed),
            ']',
            '',
        ]
    )


def methods() -> dict[str, str]:
    """The tables of `docs/methods.md`, by group: each loss with words of its card."""
    rows: dict[str, list[str]] = defaultdict(list)
    for name, path in _cards().items():
        asked = _paragraph(path, 'What it asks of the student').split('. ')[0]
        on = _paragraph(path, 'Use').removeprefix('On: ').rstrip('.')
        cells = f'[`{name}`](methods/{path.name})', asked.rstrip('.'), on.split('. ')[0]
        rows[_group(on, path)].append(f'| {" | ".join(map(_escaped, cells))} |')
    head = ['| loss | what it asks of the student | `on` |', '|---|---|---|']
    return {group: '\n'.join([*head, *found]) for group, found in rows.items()}


def methods_text() -> str:
    """`docs/methods.md` with its tables; one that has no loss is empty."""
    page = (ROOT / 'docs' / 'methods.md').read_text(encoding='utf-8')
    tables = methods()
    for group in TABLES:
        page = with_part(page, group, tables.get(group, ''))
    return page


def unlisted_configs(page: str) -> str:
    """The digits configs that no table of results has, with their first line."""
    others = with_part(page, 'configs', '')
    rows = ['| config | what it is |', '|---|---|']
    for path in sorted((ROOT / 'configs').glob('*/digits/*.py')):
        link = path.relative_to(ROOT / 'configs').as_posix()
        if f'({link})' not in others:
            rows.append(f'| [{path.name}]({link}) | {_escaped(_first_line(path))} |')
    return '\n'.join(rows)


def texts() -> dict[Path, str]:
    """All files that have a list, as they should be."""
    packages = [ROOT / 'ckd_mm' / name for name in ('functional', 'losses')]
    found = {package / '__init__.py': init_text(package) for package in packages}
    overview, readme = ROOT / 'docs' / 'methods.md', ROOT / 'configs' / 'README.md'
    listed = readme.read_text(encoding='utf-8')
    listed = with_part(listed, 'configs', unlisted_configs(listed))
    return {**found, overview: methods_text(), readme: listed}


def _all_of(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            return list(ast.literal_eval(node.value))
    return []


def _is_constant(name: str) -> bool:
    """Whether it is a constant or a type of arguments, rather than what computes."""
    return name.isupper() or not name.islower() and not name.endswith('Loss')


def _import(module: str, names: list[str]) -> str:
    names = sorted(names, key=lambda name: (name.islower(), _natural(name)))
    line = f'from {module} import {", ".join(names)}'
    if len(line) <= WIDTH:
        return line
    listed = ''.join(f'    {name},\n' for name in names)
    return f'from {module} import (\n{listed})'


def _natural(name: str) -> list[tuple[int, str]]:
    """The key by which ruff sorts imports: `kd2` stands before `kd10`."""
    parts = re.findall(r'\d+|\D+', name.lower())
    return [(int(part), '') if part.isdigit() else (-1, part) for part in parts]


def _cards() -> dict[str, Path]:
    """The method card of each loss, our own method first."""
    losses = [
        name for found in exports(ROOT / 'ckd_mm' / 'losses').values() for name in found
    ]
    paths = {name: CARDS / f'{name.removesuffix("Loss").lower()}.md' for name in losses}
    names = sorted(paths, key=lambda name: (name != 'CKDLoss', name.lower()))
    return {name: paths[name] for name in names if paths[name].is_file()}


def _group(on: str, card: Path) -> str:
    fits = [group for group, words in GROUPS.items() if re.match(words, on)]
    if not fits:
        raise ValueError(
            f'{card.name}: no table of docs/methods.md is for its "On:"; expected '
            f'a value of `on` in backticks, or "feature maps", got {on}'
        )
    source = ROOT / 'ckd_mm' / 'losses' / f'{card.stem}.py'
    learns = 'student_channels' in source.read_text(encoding='utf-8')
    return 'maps-learned' if fits[0] == 'maps' and learns else fits[0]


def _paragraph(card: Path, heading: str) -> str:
    """The first paragraph under a heading, in one line."""
    _, found, text = card.read_text(encoding='utf-8').partition(f'## {heading}\n')
    if not found:
        raise ValueError(f'{card.name} needs a heading "## {heading}"')
    return ' '.join(text.strip().split('\n\n')[0].split())


def _escaped(cell: str) -> str:
    return re.sub(r'(?<!\\)\|', r'\\|', cell)


def _first_line(config: Path) -> str:
    text = ast.get_docstring(ast.parse(config.read_text(encoding='utf-8'))) or ''
    paragraph = ' '.join(text.split('\n\n')[0].split())
    return paragraph.split('. ')[0].rstrip('.')


if __name__ == '__main__':
    run(texts(), 'make lists')
