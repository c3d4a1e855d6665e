"""How far is what tools/suggest.py proposes from the best of a grid? Digits, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teachers
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py
    python benchmarks/suggest_regret.py --jobs 2
    python benchmarks/suggest_regret.py --data scenes --jobs 2

For KD and for CKD: a grid of weights and temperatures, 16 on images and 6 on scenes;
what the tool proposes for a share of 0.5 and of 0.9, measured with seed 0 alone;
`GradientShare` with the same shares, at the config's temperature. All are trained with
all seeds. The grids have the settings of the configs: on images those of the authors,
and CKD's on scenes as in configs/compare/digit_scenes_maps.py. They were written down
before the first run.

The best of the grid is chosen by its mean over the seeds it is judged by. So the regret
is too large rather than too small, by what chance gives the best of so many.

On 2 quiet cores, 205 runs of 20 epochs on images take an hour, and 105 of 3 epochs on
scenes one and a half to two and a half. Each is kept, and the same command goes on.
`--smallest` is one weight and one temperature, one seed and one epoch, to see that it
works.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import statistics
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

from environment import ROOT, describe
from mmengine.config import Config
from regret_data import DATA, Data, Grid

from ckd_mm.atomic import write_json
from ckd_mm.compare import (
    Comparison,
    Run,
    cells,
    locked,
    plan,
    read_comparison,
    values_by_seed,
)
from ckd_mm.compare.calls import command_line, end_with, train_missing
from ckd_mm.compare.intervals import difference
from ckd_mm.compare.pieces import NOT_THERE, markdown
from ckd_mm.suggest import find_hook, suggest

__all__ = ['DATA', 'methods_of', 'regrets']

Values: TypeAlias = Mapping[str, Mapping[int, float]]

SHARES = (0.5, 0.9)


def main() -> None:
    args = _parse_args()
    end_with(lambda: _measure(args))


def _measure(args: argparse.Namespace) -> dict[str, str]:
    data, seeds = DATA[args.data], [0, 1, 2, 3, 4]
    if args.smallest:
        data = dataclasses.replace(
            data,
            grids={name: (w[:1], t[:1]) for name, (w, t) in data.grids.items()},
            options={'train_cfg.max_epochs': 1},
        )
        seeds = [0]
    work_dir = args.work_dir or Path('work_dirs') / data.out
    work_dir.mkdir(parents=True, exist_ok=True)
    methods = {
        title: method
        for name, path in data.configs.items()
        for title, method in methods_of(
            name,
            Config.fromfile(path),
            data.grids[name],
            _proposed(work_dir / f'proposed_{name}.json', path),
        ).items()
    }
    source = work_dir / 'comparison.py'
    teacher = find_hook(Config.fromfile(data.configs['KD']))[1]['teacher']
    content = dict(base=data.base, teacher=teacher, methods=methods, metric=data.metric)
    Config(dict(content, seeds=seeds, cfg_options=dict(data.options))).dump(source)
    comparison = read_comparison(source)
    with locked(work_dir / 'runs', source) as lock:
        runs = plan(comparison, work_dir / 'runs')

        def write(failures: Mapping[str, str]) -> None:
            out = args.out or ROOT / f'benchmarks/results/{data.out}.md'
            _write(out, data, comparison, runs)

        return train_missing(
            f'{len(comparison.students)} methods x {len(seeds)} seeds',
            runs,
            comparison.metrics,
            [{}] * args.jobs,
            ROOT / 'tools/train.py',
            lock,
            None if args.dry_run else write,
        )


def methods_of(
    name: str,
    cfg: Config,
    grid: Grid,
    proposed: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """What is trained for a method, as `methods` of a comparison.

    Args:
        name: The name of the method.
        cfg: Its config, with one term.
        grid: Weights, and temperatures.
        proposed: By share, what the tool proposes for the loss.
    """

    def with_loss(
        loss: Mapping[str, float], schedule: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        hook = deepcopy(find_hook(cfg)[1])
        (term,) = hook['distill'].values()
        term['loss'].update(loss)
        if schedule is not None:
            term['schedule'] = schedule
        return {
            key: Config(dict(it=hook)).to_dict()['it'][key]
            for key in ('distill', 'student_loss_weight')
            if key in hook
        }

    methods = {}
    for weight in grid[0]:
        for temperature in grid[1]:
            title = f'{name} weight {weight:g} T {temperature:g}'
            methods[title] = with_loss(
                dict(loss_weight=weight, temperature=temperature)
            )
    for share, loss in proposed.items():
        methods[f'{name} proposed {share}'] = with_loss(loss)
        schedule = dict(
            type='GradientShare', share=float(share), of='backbone', interval=10
        )
        methods[f'{name} GradientShare {share}'] = with_loss(
            dict(loss_weight=1.0), schedule
        )
    return methods


def regrets(name: str, values: Values, data: Data) -> list[list[str]]:
    """The rows of a method: each setting, and how far the best of the grid is ahead.

    The best is one that has a result for all seeds: a detector that finds nothing has
    none, and would be judged by its better seeds.

    Args:
        name: The name of the method.
        values: Result by setting and seed.
        data: What is trained.
    """
    digits = data.digits
    means = {
        title: statistics.mean(found.values())
        for title, found in values.items()
        if title.startswith(f'{name} ') and found
    }
    settings = [title for title in means if title.startswith(f'{name} weight ')]
    if not settings:
        return []
    most = max(len(values[title]) for title in settings)
    grid = [title for title in settings if len(values[title]) == most]
    best = max(grid, key=means.__getitem__)
    middle = statistics.median(means[title] for title in grid)
    rows = [
        [f'{best}, the best of {len(grid)}', f'{means[best]:.{digits}f}', ''],
        [
            f'{name}: the median of the grid',
            f'{middle:.{digits}f}',
            f'{means[best] - middle:+.{digits}f}',
        ],
    ]
    for title in means:
        if title not in settings or title in data.of_configs:
            gap = difference(values[best], values[title])
            text = NOT_THERE if gap is None else gap.text(digits)
            label = f'{title}, the config' if title in settings else title
            rows.append([label, f'{means[title]:.{digits}f}', text])
    return rows


def _proposed(kept: Path, path: str) -> dict[str, dict[str, float]]:
    """By share, what the tool proposes; it is measured once and kept in a file."""
    if not kept.is_file():
        disabled = logging.root.manager.disable
        logging.disable(logging.INFO)
        (found,) = suggest(Config.fromfile(path))
        logging.disable(disabled)
        options = {
            str(share): dataclasses.replace(found, share=share).options
            for share in SHARES
        }
        write_json(kept, options)
    return json.loads(kept.read_text())


def _write(out: Path, data: Data, comparison: Comparison, runs: Sequence[Run]) -> None:
    values = values_by_seed(comparison, runs)
    rows = [['setting', f'mean {data.metric}', 'regret']]
    rows += [row for name in data.grids for row in regrets(name, values, data)]
    done = sum(run.result is not None for run in runs)
    lines = [
        f'# Regret of tools/suggest.py on the digits: {data.metric}',
        '',
        describe(command_line()),
        f'- {done} of {len(runs)} runs. Regret: the best of the grid minus the '
        'setting, mean over the seeds of the difference with the same seed, with its '
        '95 % interval.',
        '- The best is chosen by the seeds that judge it, so the regret is too large '
        'rather than too small.',
        '',
        markdown(rows),
        '',
        markdown(cells(comparison, runs)),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text('\n'.join(lines) + '\n')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', choices=DATA, default='images')
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time')
    parser.add_argument('--smallest', action='store_true', help='one of everything')
    parser.add_argument('--dry-run', action='store_true', help='list the runs')
    parser.add_argument('--work-dir', type=Path, help='default: in work_dirs')
    parser.add_argument('--out', type=Path, help='default: in benchmarks/results')
    return parser.parse_args()


if __name__ == '__main__':
    main()
