"""What do cached feature maps save, take, and lose in half precision and int8?

    python benchmarks/cached_maps.py [--rounds 20]

Speed: the Faster R-CNN of the digit scenes beside a teacher of timm with random
weights. In every round one after the other, on the same batch: (a) the student's step
alone, (b) with the teacher, (c) with its maps from a cache, read from disk in the step.

Formats: a tiny ViT and a tiny ConvNeXt of timm are trained on the digit images for some
steps, and their maps of images that they have not seen are stored and read. Compared
with float32 are the maps, the FitNets loss of a random student's map, and the gradient
of this map.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from environment import ROOT, describe
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.runner import Runner
from steps.setting import Batch, Sample, Setting, sample_of
from steps.timing import Case, interleaved, ratios, spread
from torch import Tensor, nn

from ckd_mm.cache.int8 import restored
from ckd_mm.cache.replay import Replay
from ckd_mm.cache.shards import stored_rows
from ckd_mm.commands.fill_cache import DTYPES, cache_teacher
from ckd_mm.datasets.digits import load_digits, write_digit_scenes
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.functional import fitnet_loss
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers import ModelTeacher, StoredTeacher, read_teachers

__all__: list[str] = []

DATA = ROOT / 'data/digits/detection'
STUDENT = ROOT / 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
TEACHERS = {
    'vit_small_patch16_224': ('blocks:-1', 384),
    'convnext_tiny': ('stages:2', 384),
}
"""What is read of a teacher, and its channels; the stride is 16."""
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    'ViT': (
        'vit_tiny_patch16_224',
        dict(patch_size=4, embed_dim=96, depth=4, num_heads=3, img_size=32),
    ),
    'ConvNeXt': (
        'convnext_atto',
        dict(depths=(1, 1, 2, 1), dims=(16, 32, 64, 96), patch_size=2),
    ),
}
IMAGES = 16
SPEED_HEAD = (
    '| teacher | format | bytes per image | (a), s | (b), s | (c), s | (b) / (c) '
    '| (c) / (a) |\n|---|---|---|---|---|---|---|---|'
)
FORMAT_HEAD = (
    '| teacher | accuracy | format | bytes per image | error of the maps '
    '| largest error | error of the loss | error of the gradient |\n'
    '|---|---|---|---|---|---|---|---|'
)


def main() -> None:
    args = _parse_args()
    lines = ['# Cached feature maps', '', describe(f'python {args.command}'), *_notes()]
    if 'formats' in args.sections:
        lines += ['', '## Formats', '', FORMAT_HEAD]
        for name, (model, options) in FORMATS.items():
            lines += formats(name, model, options, args.steps)
            print('\n'.join(lines[-3:]), flush=True)
    if 'speed' in args.sections:
        lines += ['', '## Speed', '', SPEED_HEAD]
        for model in TEACHERS:
            lines += speed(model, args.rounds)
            print('\n'.join(lines[-2:]), flush=True)
    args.out.write_text('\n'.join(lines) + '\n')
    print(f'written to {args.out}')


def formats(name: str, model: str, options: dict[str, Any], steps: int) -> list[str]:
    """A row for each format."""
    teacher, accuracy, images = _trained(model, options, steps)
    if name == 'ConvNeXt':  # whose stride is 16: maps of 8 x 8, as the ViT's
        images = F.interpolate(images, scale_factor=4, mode='bilinear')
    with torch.no_grad():
        maps = teacher.forward_intermediates(images, intermediates_only=True)
    value = maps[-1] if name == 'ViT' else maps[-2]
    rows = []
    for dtype in ('float16', 'bfloat16', 'int8'):
        stored = stored_rows({'map': value}, DTYPES[dtype])
        size = sum(one.nbytes for one in stored.values()) // len(value)
        error = ' | '.join(_errors(value, _read(stored)))
        rows.append(f'| {name} | {accuracy:.3f} | {dtype} | {size} | {error} |')
    return rows


def speed(model: str, rounds: int) -> list[str]:
    """A row for each format."""
    rows = []
    for dtype in ('float16', 'int8'):
        with tempfile.TemporaryDirectory() as folder:
            size, seconds = _timed(Path(folder), model, dtype, rounds)
        cells = [spread(seconds[name]) for name in 'abc']
        saved = spread(ratios(seconds['b'], seconds['c']))
        cost = spread(ratios(seconds['c'], seconds['a']))
        cells = [model, dtype, f'{size:.0f}', *cells, saved, cost]
        rows.append('| ' + ' | '.join(cells) + ' |')
    return rows


def _timed(
    folder: Path, model: str, dtype: str, rounds: int
) -> tuple[float, dict[str, list[float]]]:
    """Bytes per image, and seconds of (a), (b) and (c)."""
    write_digit_scenes(DATA)
    level, channels = TEACHERS[model]
    config = dict(type='timm', model=model, pretrained=False)
    loss = dict(type='FitNetLoss', student_channels=32, teacher_channels=channels)
    on = dict(student='neck:2', teacher=level)
    distill = dict(fit=dict(on=on, loss=loss))
    hook = dict(type='DistillationHook', teacher=config, distill=distill)
    cache = cache_teacher(_config(folder, [hook]), folder / 'cache', dtype=dtype)
    runner = Runner.from_cfg(_config(folder, []))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    Replay.attach(runner, cache.epochs, cache.seed)
    setting = _setting(runner, config)
    beside = Distiller(
        setting.student, [ModelTeacher(setting.teacher)], build_terms(distill)
    )
    stored = Distiller(setting.student, [StoredTeacher(cache)], build_terms(distill))
    step = _step(setting)
    cases = {
        'a': Case(step),
        'b': Case(step, beside.attached),
        'c': Case(step, stored.attached),
    }
    seconds = interleaved(cases, setting.samples, rounds, 2)
    return cache.num_bytes / IMAGES, seconds


def _setting(runner: Runner, config: dict[str, Any]) -> Setting:
    (kind,) = read_teachers(config)
    device = next(runner.model.parameters()).device
    teacher: Any = kind.build(runner, device)
    optimizer = runner.build_optim_wrapper(runner.optim_wrapper)
    student = runner.model.train()
    batches = list(islice(runner.train_dataloader, 2))
    samples = [sample_of(student, batch) for batch in batches]
    return Setting('', student, teacher.model, optimizer, samples, (0, 0))


def _step(setting: Setting) -> Callable[[Batch, Sample], Any]:
    return lambda batch, _: setting.student.train_step(batch, setting.optimizer)


def _config(folder: Path, hooks: list[dict[str, Any]]) -> Config:
    register_all_modules()
    cfg = Config.fromfile(STUDENT)
    cfg.work_dir, cfg.log_level = str(folder / 'work'), 'WARNING'
    cfg.experiment_name = folder.name  # runs of one name share a message hub
    cfg.visualizer.update(name=folder.name, vis_backends=[])  # and a folder of logs
    cfg.custom_hooks = deepcopy(hooks)
    cfg.train_dataloader.dataset.update(data_root=f'{DATA}/', indices=IMAGES)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    return cfg


def _trained(
    model: str, options: dict[str, Any], steps: int
) -> tuple[Any, float, Tensor]:
    """A classifier of digits in eval mode, its accuracy on other images, and some."""
    import timm

    with preserved_random_state():
        torch.manual_seed(0)
        net: nn.Module = timm.create_model(model, num_classes=10, **options)
        images, labels = _digits()
        held = len(images) // 4
        optimizer = torch.optim.AdamW(net.parameters(), 5e-4)
        for _ in range(steps):
            which = torch.randint(held, len(images), (32,))
            loss = F.cross_entropy(net(images[which]), labels[which])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        right = net(images[:64]).argmax(1) == labels[:64]
    return net, right.float().mean().item(), images[:64]


def _digits() -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32) about 0, and labels (N,)."""
    pixels, labels = load_digits()
    grey = torch.tensor(pixels).float().reshape(-1, 1, 8, 8) / 8 - 1
    images = F.interpolate(grey, (32, 32), mode='bilinear').expand(-1, 3, -1, -1)
    return images.contiguous(), torch.tensor(labels)


def _read(stored: dict[str, Tensor]) -> Tensor:
    values = stored.pop('map')
    return restored(values, *stored.values()) if stored else values.float()


def _errors(exact: Tensor, found: Tensor) -> list[str]:
    """Of the maps in the mean and at most, of a loss, and of its gradient."""
    values = []
    for target in (exact, found):
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(exact.shape, generator=generator)
        student = (exact.mean() + exact.std() * noise).requires_grad_()
        loss = fitnet_loss(student, target)
        values.append((loss.detach(), *torch.autograd.grad(loss, student)))
    (loss, gradient), (other, moved) = values
    errors = [
        (found - exact).norm() / exact.norm(),
        (found - exact).abs().max() / exact.abs().max(),
        (other - loss).abs() / loss,
        (moved - gradient).norm() / gradient.norm(),
    ]
    return [f'{float(one):.1e}' for one in errors]


def _notes() -> list[str]:
    return [
        '- (a) student alone, (b) with the teacher, (c) with its cached maps; measured '
        'one after the other in each round, in turning order, without loading images. '
        'Median (lower to upper quartile).',
        '- Errors are relative, in the norm of all values; the largest is relative to '
        'the largest value. Accuracy: of the classifier on the images that are stored, '
        'which the ConvNeXt then gets at 4 times their size.',
    ]


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Cost and error of cached maps.')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--steps', type=int, default=400, help='of training')
    parser.add_argument(
        '--sections', nargs='+', default=['formats', 'speed'], metavar='NAME'
    )
    out = ROOT / 'benchmarks/results/cached_maps.md'
    parser.add_argument('--out', type=Path, default=out)
    args = parser.parse_args()
    args.command = (
        f'benchmarks/cached_maps.py --rounds {args.rounds} --steps {args.steps} '
        f'--sections {" ".join(args.sections)}'
    )
    return args


if __name__ == '__main__':
    main()
