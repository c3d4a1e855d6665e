"""Write the config of a pair of models, a method and a schedule.

    python tools/make_config.py --list
    python tools/make_config.py resnet56-resnet20_cifar100 ckd 480e --out my_configs
    python tools/train.py my_configs/ckd_resnet56-resnet20_480e_cifar100.py

Recipes with a result, ours or published, are files in `configs/`. This makes the rest.
Pairs are files in `configs/_base_/pairs`, hooks files in `configs/_base_/distill`.
"""

from __future__ import annotations

import argparse
import ast
import functools
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.fileio import load
from mmengine.utils import get_installed_path

from ckd_mm.commands.recipe_kinds import KINDS, LABELS, Kind
from ckd_mm.registry import did_you_mean

__all__ = ['CONFIGS', 'Recipe', 'recipes', 'write']

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
PAIRS = CONFIGS / '_base_/pairs'
HOOKS = CONFIGS / '_base_/distill'


class Recipe(NamedTuple):
    """One config: a pair, a hook of :data:`HOOKS` and a schedule of the pair."""

    pair: str
    hook: str
    schedule: str

    @property
    def method(self) -> str:
        return self.hook.split('_')[0]

    @property
    def kind(self) -> Kind:
        return KINDS[_kind_of(self.pair)]

    @property
    def home(self) -> Path:
        """The path of its file, which need not exist."""
        *_, models, data = self.pair.split('_')
        words = (self.method, models, self.kind.neck, self.schedule, data)
        return CONFIGS / self.kind.folder / f'{"_".join(filter(None, words))}.py'


def main() -> None:
    args = _parse_args()
    if args.list:
        print(_listed(list(recipes())))
        return
    recipe = _chosen(args)
    if args.out is None:
        print(write(recipe, Path()), end='')
        return
    path = args.out / recipe.home.name
    for file in (recipe.home, path):
        if file.exists() and not args.force:
            sys.exit(f'error: {_shown(file)} exists; use it, or --force')
    args.out.mkdir(parents=True, exist_ok=True)
    path.write_text(write(recipe, args.out))
    print(f'wrote {path}')


def recipes() -> Iterator[Recipe]:
    """All recipes that can be made."""
    for path in sorted(PAIRS.glob('*.py')):
        pair = _pair(path.stem)
        if 'students' not in pair:
            continue  # the student has hooks already, or only one method fits
        for hook in KINDS[_kind_of(path.stem)].hooks:
            if 'reviewkd' in hook and 'reviewkd' not in pair:
                continue  # its weight is one of each pair
            for schedule in pair.students:
                yield Recipe(path.stem, hook, schedule)


def write(recipe: Recipe, folder: Path) -> str:
    """The text of a config in a folder, to which its paths are relative."""
    pair = _pair(recipe.pair)
    student = pair.students[recipe.schedule]
    base = student if '::' in student else _relative(CONFIGS / student, folder)
    lines = [
        f'"""{_document(recipe, folder)}\n"""',
        '',
        '_base_ = [',
        f"    '{base}',",
        f"    '{_relative(PAIRS / f'{recipe.pair}.py', folder)}',",
        f"    '{_relative(HOOKS / f'{recipe.hook}.py', folder)}',",
        ']',
        '',
        '_base_.custom_hooks[0].teacher = _base_.pair.teacher',
    ]
    for term in recipe.method.split('-'):
        lines += _values_of_the_pair(term, pair)
    return '\n'.join([*lines, 'del _base_.pair', ''])


def _document(recipe: Recipe, folder: Path) -> str:
    models = _docstring(PAIRS / f'{recipe.pair}.py').split(':')[0]
    path = _shown(folder / recipe.home.name)
    on_one_gpu = recipe.kind is KINDS['cifar100']
    train = 'python tools/train.py {}' if on_one_gpu else 'tools/dist_train.sh {} 8'
    blocks = [
        f'{_label(recipe.method)}: {models}, {_duration(recipe.schedule)}.',
        textwrap.fill(_explanation(recipe), 88, break_on_hyphens=False),
        f'    {train.format(path)}',
        _table(recipe),
    ]
    return '\n\n'.join(blocks)


def _explanation(recipe: Recipe) -> str:
    found = re.findall(r'rXiv:[\d.]+\d', _docstring(HOOKS / f'{recipe.hook}.py'))
    papers = [f'a{paper}' for paper in dict.fromkeys(found)]
    return (
        f'Task: {recipe.kind.task}. {"Papers" if papers[1:] else "Paper"}: '
        f'{", ".join(papers)}. What is set, why, and what differs from the paper: '
        f'configs/_base_/distill/{recipe.hook}.py, and for the teacher and the values '
        f'of this pair configs/_base_/pairs/{recipe.pair}.py. The file was made by '
        'tools/make_config.py.'
    )


def _table(recipe: Recipe) -> str:
    pair, metrics = _pair(recipe.pair), recipe.kind.metrics
    teacher, student = pair.teacher.config, pair.students[recipe.schedule]
    published = _result(recipe.home, 'published') if recipe.home.exists() else None
    rows = [
        ['run', *metrics],
        [f'teacher, {_name(teacher)}', *_scores(teacher, metrics)],
        [f'student alone, {_name(student)}', *_scores(student, metrics)],
        ['published', *(published or ['not found'] * len(metrics))],
        ['ours', *['not run yet'] * len(metrics)],
    ]
    head, *body = (f'| {" | ".join(row)} |' for row in rows)
    return '\n'.join([head, '|---' * len(rows[0]) + '|', *body])


def _scores(config: str, metrics: tuple[str, ...]) -> list[str]:
    """The scores in the metafile of the zoo or the docstring of the config."""
    if '::' not in config:
        published = _result(CONFIGS / config, 'published')
        known = [re.match(r'[\d.]+', cell) for cell in published]
        if all(known):
            return [number[0] for number in known if number]
        return _result(CONFIGS / config, 'ours')
    package, path = config.split('::')
    folder = Path(get_installed_path(package)) / '.mim/configs'
    models = _loaded(folder / Path(path).parent / 'metafile.yml')['Models']
    entry = next(model for model in models if model['Config'] == f'configs/{path}')
    values = [next(iter(result['Metrics'].values())) for result in entry['Results']]
    digits = 2 if metrics == ('top-1',) else 1
    return [f'{value:.{digits}f}' for value in values[: len(metrics)]]


def _result(path: Path, row: str) -> list[str]:
    (cells,) = re.findall(rf'^\| {row} \| (.*) \|$', _docstring(path), re.MULTILINE)
    return cells.split(' | ')


def _values_of_the_pair(term: str, pair: dict[str, Any]) -> list[str]:
    """What a method's authors set for a pair: options of the loss, or `on` as well."""
    if term not in pair:
        return []
    hook, values = f'_base_.custom_hooks[0].distill.{term}', f'_base_.pair.{term}'
    if 'on' not in pair[term]:
        return [f'{hook}.loss.update({values})']
    return [f'{hook}.on = {values}.on', f'{hook}.loss.update({values}.loss)']


def _chosen(args: argparse.Namespace) -> Recipe:
    left = list(recipes())
    for what in ('pair', 'method', 'schedule'):
        name, known = getattr(args, what), {getattr(one, what) for one in left}
        if name not in known:
            sys.exit(f'error: there is no {what} {name!r}{did_you_mean(name, known)}')
        left = [one for one in left if getattr(one, what) == name]
    (recipe,) = left
    return recipe


def _listed(known: list[Recipe]) -> str:
    lines = [f'{"PAIR":35}{"SCHEDULE":18}METHOD']
    for pair in dict.fromkeys(recipe.pair for recipe in known):
        of_pair = [recipe for recipe in known if recipe.pair == pair]
        methods = ' '.join(dict.fromkeys(recipe.method for recipe in of_pair))
        schedules = ' '.join(dict.fromkeys(recipe.schedule for recipe in of_pair))
        lines.append(f'{pair:35}{schedules:18}{methods}')
    return '\n'.join(lines)


def _kind_of(pair: str) -> str:
    first, *_, last = pair.split('_')
    return first if last == 'coco' else last


def _label(method: str) -> str:
    return ' with '.join(LABELS.get(one, one.upper()) for one in method.split('-'))


def _duration(schedule: str) -> str:
    if schedule.endswith('x'):
        return f'{schedule} ({12 * int(schedule[:-1])} epochs)'
    return schedule.removeprefix('cosine-').removesuffix('e') + ' epochs'


def _name(config: str) -> str:
    return config if '::' in config else Path(config).name


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder.resolve())).as_posix()


def _shown(path: Path) -> str:
    """A path as a user would type it: from the current folder, if it is below that."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@functools.cache
def _pair(name: str) -> Any:
    return Config.fromfile(PAIRS / f'{name}.py', import_custom_modules=False).pair


@functools.cache
def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ''


_loaded = functools.cache(load)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the config of a pair of models, a method and a schedule.',
    )
    parser.add_argument('pair', nargs='?', metavar='PAIR', help='resnet56-resnet20_...')
    parser.add_argument('method', nargs='?', metavar='METHOD', help='ckd, kd, ...')
    parser.add_argument('schedule', nargs='?', metavar='SCHEDULE', help='240e, 1x, ...')
    parser.add_argument('--list', action='store_true', help='show all choices')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='without: print it')
    parser.add_argument('--force', action='store_true', help='overwrite a file')
    args = parser.parse_args()
    if not args.list and args.schedule is None:
        parser.error(
            'an argument is missing; give PAIR, METHOD and SCHEDULE, or --list'
        )
    return args


if __name__ == '__main__':
    main()
