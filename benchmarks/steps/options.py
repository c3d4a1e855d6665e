"""The teacher's options: what each forward takes, and how much it changes.

An option that does not run as far as the RoI logits here (mmcv's RoIAlign has no
bfloat16 on a CPU) is timed as far as the neck, against the plain neck.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.teachers import Speed

from .setting import Sample, Setting
from .timing import Part, Seconds, interleaved, ratios, spread

__all__ = ['OptionTimes', 'measure_options', 'options_table']

PLAIN = 'plain'
OPTIONS = {
    "dtype='bfloat16'": Speed(dtype='bfloat16'),
    'channels_last=True': Speed(channels_last=True),
    'fuse_bn=True': Speed(fuse_bn=True),
    'compile=True': Speed(compile=True),
}
HALF = {"dtype='float16'": Speed(dtype='float16')}  # for GPUs


@dataclass(frozen=True)
class Variant:
    """A teacher with options, run as far as `on`."""

    teacher: BaseModel
    speed: Speed
    on: str

    @torch.no_grad()
    def __call__(self, sample: Sample) -> tuple[Tensor, ...]:
        """RoI logits, or the levels of the neck."""
        images = self.speed.inputs(sample.inputs)
        with self.speed.autocast(images.device):
            maps = self.teacher.extract_feat(images)
            if self.on == 'neck':
                return tuple(maps)
            maps = tuple(level.contiguous() for level in maps)  # as the adapter does
            return (
                self.teacher.roi_head._bbox_forward(maps, sample.rois)['cls_score'],
            )


@dataclass(frozen=True)
class OptionTimes:
    """What was measured: seconds, largest relative changes, and what went wrong."""

    seconds: Seconds
    changes: dict[str, float]
    on: dict[str, str]
    notes: list[str]


def measure_options(setting: Setting, rounds: int, warmup: int) -> OptionTimes:
    """All options in turn, beside the plain forward."""
    sample, notes = setting.samples[0], []
    plain = {on: Variant(setting.teacher, Speed(), on) for on in ('roi_logits', 'neck')}
    options = OPTIONS | (HALF if setting.device.type == 'cuda' else {})
    variants: dict[str, Variant] = {}
    for name, speed in options.items():
        variant, said = _first_that_runs(setting.teacher, speed, sample)
        notes += [f'{name}: {error}' for error in said]
        if variant is not None:
            variants[name] = variant
    parts = {f'{PLAIN}, {on}': _part(variant) for on, variant in plain.items()}
    parts |= {name: _part(variant) for name, variant in variants.items()}
    return OptionTimes(
        interleaved(parts, setting.samples, rounds, warmup),
        {
            name: _change(variant(sample), plain[variant.on](sample))
            for name, variant in variants.items()
        },
        {name: variant.on for name, variant in variants.items()},
        notes,
    )


def options_table(measured: OptionTimes) -> list[str]:
    """Seconds, ratios and changes, as Markdown."""
    lines = [
        '| option | up to | seconds | ratio to plain | largest relative change |',
        '|---|---|---|---|---|',
    ]
    for name, seconds in measured.seconds.items():
        title, _, on = name.partition(', ')
        on = on or measured.on[name]
        ratio = spread(ratios(seconds, measured.seconds[f'{PLAIN}, {on}']))
        change = f'{measured.changes[name]:.1e}' if name in measured.changes else ''
        lines.append(f'| {title} | {on} | {spread(seconds)} | {ratio} | {change} |')
    return [*lines, '', *(f'- {note}' for note in measured.notes)]


def _first_that_runs(
    teacher: BaseModel, speed: Speed, sample: Sample
) -> tuple[Variant | None, list[str]]:
    """As far as possible, and what did not run."""
    said: list[str] = []
    for on in ('roi_logits', 'neck'):
        try:
            variant = Variant(speed.prepare(deepcopy(teacher)), speed, on)
            variant(sample)
            return variant, said
        except Exception as error:  # of mmcv's operators or of the compiler: any
            line = str(error).strip().splitlines()[0]
            said.append(f'not up to {on} here ({type(error).__name__}: {line[:120]})')
    return None, said


def _part(variant: Variant) -> Part:
    return Part(lambda _, sample: variant(sample))


def _change(values: Sequence[Any], plain: Sequence[Any]) -> float:
    """The largest difference, as a share of the largest value of its tensor."""
    return max(
        float((value.float() - base).abs().max() / base.abs().max())
        for value, base in zip(values, plain, strict=True)
    )
