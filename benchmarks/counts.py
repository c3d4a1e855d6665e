"""Count what the shape of the package costs a reader: circles, hops, files to open.

    python benchmarks/counts.py [ROOT] [--json FILE]         # any checkout
    PYTHONPATH=ROOT python benchmarks/counts.py ROOT --trace # and the hops of a step
    python benchmarks/counts.py --table BEFORE.json AFTER.json

Counted by the syntax tree, with the standard library alone; `--trace` runs a step.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ['circles', 'counts', 'imports', 'table']

Graph = dict[str, set[str]]
KINDS = r'isinstance\([^)]*\b(Teacher|CachedTeacher|TeacherConfig|ZooTeacher|EMATeacher'
KINDS += r'|ModelTeacher|StoredTeacher|ModelView|StoredView|Source|CachedSource)\b'
PROBES = r'class _(Asks|Probe|Wants)\b|adapter\.pair = '


def counts(root: Path) -> dict[str, Any]:
    """All counts of a checkout, by what is counted."""
    package = root / 'ckd_mm'
    code = _files(package)
    graph = imports(package)
    return {
        'packages in a circle': _listed(circles(graph)),
        'modules at the root of the package': len(
            [path for path in package.glob('*.py') if path.stem != '__init__']
        ),
        'isinstance on kinds of teachers outside teachers/': _number(
            KINDS, [path for path in code if 'teachers' not in path.parts]
        ),
        '.startswith( in adapters/': _number(
            r'\.startswith\(', _files(package / 'adapters')
        ),
        'probes written by hand in package and tests': _number(
            PROBES, [*code, *_files(root / 'tests')]
        ),
        'files that name JSLoss, js_loss or js.md': _number_of_files(
            root, r'\bJSLoss\b|\bjs_loss\b|\bjs\.md\b|losses\.js\b'
        ),
        "files of the package that name 'semantic_logits'": _mentions(
            code, "'semantic_logits'"
        ),
        'files of the package that name RoIQueryAdapter': _mentions(
            code, r'\bRoIQueryAdapter\b'
        ),
        'files of the package that tell a cached teacher from others': _mentions(
            code,
            r'\bCached(Teacher|Source)\b|\.cache is not None|\bone\.cache\b',
        ),
        'lines of the package': _lines(code),
        'lines of configs': _lines(_files(root / 'configs')),
        'lines of tests': _lines(_files(root / 'tests')),
        'files of the package': len(code),
        'leaf configs': len(
            [one for one in _files(root / 'configs') if '_base_' not in one.parts]
        ),
        'files of the package over 300 lines': len(
            [path for path in code if len(_read(path).splitlines()) > 300]
        ),
        'functions of the package over 50 lines, docstrings left out': sum(
            _long(node) for path in code for node in ast.walk(ast.parse(_read(path)))
        ),
    }


def imports(package: Path) -> Graph:
    """Which sub-packages and root modules import which, but for type checkers."""
    graph: Graph = {}
    for path in _files(package):
        name = path.relative_to(package).parts[0].removesuffix('.py')
        found = graph.setdefault(name, set())
        if name == '__init__':
            continue
        for module in _imported(ast.parse(_read(path))):
            parts = module.split('.')
            if parts[0] == package.name and len(parts) > 1 and parts[1] != name:
                found.add(parts[1])
    return graph


def circles(graph: Graph) -> list[list[str]]:
    """The sets of nodes that reach each other."""
    reach = {node: _reached(graph, node) for node in graph}
    found: list[list[str]] = []
    for node in graph:
        both = sorted(one for one in reach[node] if node in reach.get(one, ()))
        if len(both) > 1 and both not in found:
            found.append(both)
    return found


def table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Both counts, as Markdown."""
    rows = ['| what | before | after |', '|---|---|---|']
    rows += [
        f'| {name} | {before.get(name, "")} | {after.get(name, "")} |' for name in after
    ]
    return '\n'.join(rows)


def hops(root: Path) -> dict[str, int]:
    """Functions and files of the package above the teacher's box head in a step."""
    found: list[list[tuple[str, str]]] = []

    def look(*_: Any) -> None:
        frame, here = sys._getframe(1), []
        while frame is not None:
            code = frame.f_code
            if '/ckd_mm/' in code.co_filename and '/site-packages/' not in (
                code.co_filename
            ):
                here.append((code.co_filename, code.co_name))
            frame = frame.f_back  # type: ignore[assignment]
        found.append(here)

    _step(root, look)
    calls = found[-1]
    return {
        "calls from the student's hook to the teacher's RoI head": len(calls),
        'files among them': len({file for file, _ in calls}),
    }


def _step(root: Path, look: Any) -> None:
    """One step of two small detectors; `look` runs before the teacher's box head."""
    import torch
    from mmdet.testing import demo_mm_inputs

    before = find_spec('ckd_mm.engine') is None
    module = import_module
    distiller = module('ckd_mm.distiller' if before else 'ckd_mm.engine.distiller')
    terms = module('ckd_mm.terms' if before else 'ckd_mm.engine.terms')
    teachers = module('ckd_mm.teachers')
    kind = teachers.Teacher if before else teachers.ModelTeacher
    torch.manual_seed(0)
    detectors = _module(root / 'tests' / 'adapters' / 'detectors.py')
    student = detectors.faster_rcnn()
    teacher = detectors.faster_rcnn(seed=1).requires_grad_(False)
    teacher.roi_head.bbox_head.register_forward_pre_hook(look)
    config = dict(ckd=dict(on='roi_logits', loss=dict(type='CKDLoss')))
    built = distiller.Distiller(student, [kind(teacher)], terms.build_terms(config))
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.train().data_preprocessor(batch, True)
    built.attach()
    student(**data, mode='loss')
    built.detach()


def _module(path: Path) -> Any:
    """A module of a checkout, whatever else is installed under its name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _imported(tree: ast.Module) -> Iterator[str]:
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _reached(graph: Graph, start: str) -> set[str]:
    found, left = {start}, [start]
    while left:
        for node in graph.get(left.pop(), ()):
            if node not in found and node in graph:
                found.add(node)
                left.append(node)
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob('*.py'))


def _read(path: Path) -> str:
    return path.read_text(encoding='utf-8')


def _lines(files: list[Path]) -> int:
    return sum(len([one for one in _read(path).splitlines() if one]) for path in files)


def _number(pattern: str, files: list[Path]) -> int:
    return sum(len(re.findall(pattern, _read(path))) for path in files)


def _mentions(files: list[Path], pattern: str) -> int:
    return len([path for path in files if re.search(pattern, _read(path))])


def _number_of_files(root: Path, pattern: str) -> int:
    """Of all texts that a person keeps, without those that a script writes."""
    written = {'ckd_mm/losses/__init__.py', 'ckd_mm/functional/__init__.py'}
    written |= {'docs/methods.md', 'configs/README.md'}
    if not (root / 'maintenance' / 'lists.py').exists():
        written = set()
    texts = [
        path
        for folder in ('ckd_mm', 'configs', 'docs', 'tests')
        for path in sorted((root / folder).rglob('*'))
        if path.suffix in ('.py', '.md') and str(path.relative_to(root)) not in written
    ]
    return _mentions([*texts, root / 'CHANGELOG.md'], pattern)


def _long(node: ast.AST) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    text = ast.get_docstring(node, clean=False)
    return lines - (text.count('\n') + 1 if text else 0) > 50


def _listed(found: list[list[str]]) -> str:
    if not found:
        return 'none'
    return '; '.join(f'{len(one)}: {", ".join(one)}' for one in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('root', nargs='?', type=Path, default=Path())
    parser.add_argument('--json', type=Path, help='write the counts to a file')
    parser.add_argument('--trace', action='store_true', help='run a step as well')
    parser.add_argument('--table', nargs=2, type=Path, metavar=('BEFORE', 'AFTER'))
    args = parser.parse_args()
    if args.table:
        print(table(*(json.loads(path.read_text()) for path in args.table)))
        return
    found = counts(args.root)
    if args.trace:
        sys.path.insert(0, str(args.root.resolve()))
        found |= hops(args.root)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))
    print('\n'.join(f'{name}: {value}' for name, value in found.items()))


if __name__ == '__main__':
    main()
