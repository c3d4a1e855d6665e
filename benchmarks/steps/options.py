"""The teacher's options: what each forward takes, and how much it changes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.roi.stages import for_roi_align
from ckd_mm.teachers import Speed

from .setting import Sample, Setting
from .timing import Case, Seconds, interleaved, ratios, spread

__all__ = ['OptionTimes', 'measure_options', 'options_table']

PLAIN = 'plain'
OPTIONS = {
    "dtype='bfloat16'": Speed(dtype='bfloat16'),
    "dtype='float16'": Speed(dtype='float16'),
    'channels_last=True': Speed(channels_last=True),
    'fuse_bn=True': Speed(fuse_bn=True),
    'compile=True': Speed(compile=True),
}


@dataclass(frozen=True)
class Variant:
    """A teacher with options, run as far as its RoI logits."""

    teacher: BaseModel
    speed: Speed

    @torch.no_grad()
    def __call__(self, sample: Sample) -> Tensor:
        """The RoI logits."""
        images = self.speed.inputs(sample.inputs)
        with self.speed.autocast(images.device):
            maps = for_roi_align(self.teacher.extract_feat(images))
            return self.teacher.roi_head._bbox_forward(maps, sample.rois)['cls_score']


@dataclass(frozen=True)
class OptionTimes:
    """What was measured: seconds, largest relative changes, and what went wrong."""

    seconds: Seconds
    changes: dict[str, float]
    notes: list[str]


def measure_options(setting: Setting, rounds: int, warmup: int) -> OptionTimes:
    """All options in turn, beside the plain forward."""
    sample, notes = setting.samples[0], []
    variants = {PLAIN: Variant(setting.teacher, Speed())}
    for name, speed in OPTIONS.items():
        try:
            variant = Variant(speed.prepare(deepcopy(setting.teacher)), speed)
            variant(sample)
        except Exception as error:  # of an operator or of the compiler: any
            line = str(error).strip().splitlines()[0][:120]
            notes.append(f'{name}: does not run here ({type(error).__name__}: {line})')
        else:
            variants[name] = variant
    plain = variants[PLAIN](sample)
    return OptionTimes(
        interleaved(
            {name: _case(variant) for name, variant in variants.items()},
            setting.samples,
            rounds,
            warmup,
        ),
        {
            name: _change(variant(sample), plain)
            for name, variant in variants.items()
            if name != PLAIN
        },
        notes,
    )


def options_table(measured: OptionTimes) -> list[str]:
    """Seconds, ratios and changes, as Markdown."""
    lines = [
        '| option | seconds | ratio to plain | largest relative change |',
        '|---|---|---|---|',
    ]
    for name, seconds in measured.seconds.items():
        ratio = spread(ratios(seconds, measured.seconds[PLAIN]))
        change = f'{measured.changes[name]:.1e}' if name != PLAIN else ''
        lines.append(f'| {name} | {spread(seconds)} | {ratio} | {change} |')
    if measured.notes:
        lines += ['', *(f'- {note}' for note in measured.notes)]
    return lines


def _case(variant: Variant) -> Case:
    return Case(lambda _, sample: variant(sample))


def _change(logits: Tensor, plain: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((logits.float() - plain).abs().max() / plain.abs().max())
