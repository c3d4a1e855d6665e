"""Is training from a cache training beside the teacher? Both, and their curves.

    python benchmarks/cached_curve.py

The CKD config of `configs/mmpretrain/digits` is trained as it is, 20 epochs, on images
whose augmentations come again after `--cached-epochs`: beside its teacher, from a cache
of it in float32 and from one in float16. Reported are the losses and accuracies of all
three by epoch, the largest difference to the run beside the teacher, and what the
caches take. Small changes grow in a training: a fourth run, beside the teacher with
start weights changed by a millionth, shows how much. What caches save is measured by
`benchmarks/cached_teacher.py`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from environment import ROOT, describe
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.datasets.digits import write_digit_images

__all__: list[str] = []

CONFIGS = ROOT / 'configs/mmpretrain/digits'
DATA = ROOT / 'data/digits/classification'
DTYPES = ('float32', 'float16')


@HOOKS.register_module()
class NudgeHook(Hook):
    """Changes the weights that training starts from by about a millionth."""

    def before_train(self, runner: Runner) -> None:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in runner.model.parameters():
                weight *= 1 + 1e-6 * torch.randn(weight.shape, generator=generator)


class Curves(NamedTuple):
    """What one training logged.

    `loss`: the distillation loss, the mean of each epoch. `losses`: of each iteration.
    `accuracy`: by validation, in percent.
    """

    loss: list[float]
    losses: list[float]
    accuracy: list[float]


def main() -> None:
    args = _parse_args()
    write_digit_images(DATA)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        teacher = _trained_teacher(folder)
        replay = dict(type='ReplayHook', epochs=args.cached_epochs)
        runs = {'beside the teacher': _train(folder / 'beside', teacher, replay)}
        nudged = _train(folder / 'nudged', teacher, replay, dict(type='NudgeHook'))
        stored = {}
        for dtype in DTYPES:
            cache = folder / dtype
            stored[dtype] = _stored(teacher, cache, args.cached_epochs, dtype)
            runs[f'cache, {dtype}'] = _train(
                folder / f'from_{dtype}', dict(cache=str(cache))
            )
        runs['beside the teacher, other start'] = nudged
    command = f'python benchmarks/cached_curve.py --cached-epochs {args.cached_epochs}'
    text = _report(runs, stored, args.cached_epochs, describe(command))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    _plot(runs, args.out.with_suffix('.png'))
    print(f'{text}\nwritten to {args.out}')


def _trained_teacher(folder: Path) -> dict[str, str]:
    path = CONFIGS / 'resnet18-w16_digits.py'
    cfg = _with_data(Config.fromfile(path), folder / 'teacher')
    runner = Runner.from_cfg(cfg)
    runner.train()
    last = f'epoch_{runner.max_epochs}.pth'
    return dict(config=str(path), checkpoint=str(folder / 'teacher' / last))


def _distilled(work_dir: Path, teacher: dict[str, str], *hooks: Any) -> Config:
    cfg = Config.fromfile(CONFIGS / 'ckd_r18-w16-r18-w2_20e_digits.py')
    cfg.custom_hooks[0].teacher = teacher
    cfg.custom_hooks += hooks
    return _with_data(cfg, work_dir)


def _with_data(cfg: Config, work_dir: Path) -> Config:
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'WARNING'
    cfg.train_dataloader.dataset.data_root = str(DATA / 'train')
    cfg.val_dataloader.dataset.data_root = str(DATA / 'val')
    return cfg


def _train(work_dir: Path, teacher: dict[str, str], *hooks: Any) -> Curves:
    runner = Runner.from_cfg(_distilled(work_dir, teacher, *hooks))
    runner.train()
    losses, accuracy = (
        [float(value) for value in runner.message_hub.get_scalar(key).data[0]]
        for key in ('train/loss_ckd', 'val/accuracy/top1')
    )
    length = len(runner.train_dataloader)
    epochs = range(0, len(losses), length)
    means = [statistics.mean(losses[i : i + length]) for i in epochs]
    return Curves(means, losses, accuracy)


def _stored(teacher: dict[str, str], folder: Path, epochs: int, dtype: str) -> float:
    """Make a cache; the bytes that it takes per image and epoch."""
    cfg = _distilled(folder / 'logs', teacher)
    cache = cache_teacher(cfg, folder, epochs=epochs, dtype=dtype)
    return cache.num_bytes / (epochs * len(list((DATA / 'train').glob('*/*.png'))))


def _report(
    runs: dict[str, Curves], stored: dict[str, float], epochs: int, environment: str
) -> str:
    beside, *compared = runs.values()
    lines = [
        '# Training from a cached teacher, and beside it',
        '',
        environment,
        '- CKD, ResNet-18 of width 16 -> 2 on digit images, 20 epochs, one seed; '
        f'augmentations of {epochs} epochs, again and again.',
        '- Difference: the largest of an iteration, relative to the loss beside the '
        'teacher. Other start: the weights changed by a millionth before training.',
        '',
        '| run | CKD loss, last epoch | largest difference of a loss | accuracy '
        '| bytes per image and epoch |',
        '|---|---|---|---|---|',
    ]
    for name, run in runs.items():
        num_bytes = stored.get(name.removeprefix('cache, '))
        cells = (
            f'{run.loss[-1]:.6f}',
            f'{_largest_difference(run, beside):.1e}' if run in compared else '',
            f'{run.accuracy[-1]:.2f}',
            f'{num_bytes:.0f}' if num_bytes else '',
        )
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    lines += ['', '![the curves](cached_curve.png)']
    return '\n'.join(lines) + '\n'


def _largest_difference(run: Curves, beside: Curves) -> float:
    pairs = zip(run.losses, beside.losses, strict=True)
    return max(abs(loss - base) / base for loss, base in pairs)


def _plot(runs: dict[str, Curves], path: Path) -> None:
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout='constrained')
    for (name, run), style in zip(runs.items(), ('-', '--', ':', '-.'), strict=True):
        for axis, values in zip(axes, (run.loss, run.accuracy), strict=True):
            step = len(run.loss) // len(values)
            axis.plot(range(step, len(run.loss) + 1, step), values, style, label=name)
    for axis, title in zip(axes, ('CKD loss', 'accuracy, %'), strict=True):
        axis.set(title=title, xlabel='epoch')
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train from a cache and beside the teacher.'
    )
    parser.add_argument('--cached-epochs', type=int, default=5)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/cached_curve.md'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
