"""The stages of a RoI head: one box head, or a cascade of them.

A cascade's modules are lists by stage. Each stage refines the RoIs for the next one.
One box head is a cascade of one stage, except that its modules have no number in their
names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.roi.heads import BESIDE, has_box_heads, why_no_rois

__all__ = ['StageMap', 'Stages', 'choose_stages', 'for_roi_align']

HALF = (torch.float16, torch.bfloat16)


class Stages:
    """Names and forwards of a RoI head's stages.

    Args:
        model: A detector that :meth:`fits`.
    """

    def __init__(self, model: BaseModel) -> None:
        self.model = model
        self._roi_head = model.roi_head
        heads = self._roi_head.bbox_head
        self.is_cascade = isinstance(heads, nn.ModuleList)
        self.number = len(heads) if self.is_cascade else 1

    @staticmethod
    def fits(model: BaseModel) -> bool:
        """Whether the model makes class logits of a RoI from nothing but the RoI."""
        return has_box_heads(model) and why_no_rois(('model', model)) is None

    def of(self, kind: str) -> tuple[int, ...]:
        """The stages with a head of the kind `bbox` or `mask`.

        SCNet has one mask head, for the RoIs of its last stage.
        """
        heads = getattr(self._roi_head, f'{kind}_head', None)
        every = tuple(range(self.number))
        return every if isinstance(heads, nn.ModuleList) else every[-1:]

    def name(self, module: str, stage: int, inner: str = '') -> str:
        """The name of a module of a stage, such as `roi_head.bbox_head.0.fc_cls`."""
        is_list = isinstance(getattr(self._roi_head, module, None), nn.ModuleList)
        number = str(stage) if is_list else ''
        return '.'.join(filter(None, ['roi_head', module, number, inner]))

    def has(self, module: str, inner: str = '') -> bool:
        """Whether the RoI head has this module, in its first stage."""
        try:
            self.module(module, 0, inner)
        except AttributeError:
            return False
        return True

    def head(self, stage: int) -> Any:
        """The box head of a stage."""
        return self.module('bbox_head', stage)

    def heads(self) -> list[Any]:
        """The box heads of all stages."""
        return [self.head(stage) for stage in range(self.number)]

    def once(self, module: str) -> str:
        """What runs once inside a stage's module; empty for the module itself.

        HTC's mask heads also make features for the masks of later stages.
        """
        forward = inspect.signature(self.module(module, 0).forward)
        return 'conv_logits' if 'return_logits' in forward.parameters else ''

    @property
    def resamples_for_masks(self) -> bool:
        """Whether masks are of RoIs that are drawn again, from refined ones (HTC)."""
        return getattr(self._roi_head, 'interleaved', False)

    def stage_of(self, module: str) -> int:
        """The stage that a module of this name belongs to."""
        match = re.match(r'roi_head\.\w+\.(\d+)(\.|$)', module)
        is_mask = module.startswith('roi_head.mask')
        return int(match[1]) if match else self.of('mask' if is_mask else 'bbox')[0]

    def beside(self, features: Any) -> dict[str, Tensor]:
        """Run the heads that make what RoIs are pooled from beside feature maps.

        HTC and SCNet have a semantic map, SCNet a vector of each image.
        """
        found = {}
        takes = inspect.signature(self._roi_head._bbox_forward).parameters
        for name, argument in BESIDE.items():
            head = getattr(self._roi_head, name, None)
            if head is not None and argument in takes:
                _, made = head(features)
                (found[argument],) = for_roi_align([made])
        return found

    def relayed(
        self, features: Sequence[Tensor], rois: Tensor, beside: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Run the last box head of SCNet, for what its mask head takes of it."""
        relay = getattr(self._roi_head, 'feat_relay_head', None)
        if relay is None:
            return {}
        found = self._roi_head._bbox_forward(self.number - 1, features, rois, **beside)
        return {'relayed_feat': relay(found['relayed_feat'])}

    def forward(
        self,
        kind: str,
        stage: int,
        features: Sequence[Tensor],
        rois: Tensor,
        beside: Mapping[str, Tensor],
    ) -> None:
        """Run a stage's head of the kind `bbox` or `mask` on RoIs (R, 5)."""
        heads = getattr(self._roi_head, f'{kind}_head')
        numbered = isinstance(heads, nn.ModuleList)
        forward = getattr(self._roi_head, f'_{kind}_forward')
        forward(*([stage] if numbered else []), features, rois, **beside)

    def module(self, module: str, stage: int, inner: str = '') -> Any:
        """A module of a stage, or one inside it."""
        name = self.name(module, stage, inner).removeprefix('roi_head.')
        return self._roi_head.get_submodule(name)


def for_roi_align(features: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Feature maps as mmcv's RoIAlign takes them: (N, C, H, W) in memory, float32.

    It reads maps that lie in memory as NHWC as if they were NCHW, without an error, and
    has no bfloat16. In float16 mmdet gives it the RoIs in float16 as well, which holds
    coordinates between 512 and 1024 to half a pixel, and those above to a pixel.
    """
    known = [one.float() if one.dtype in HALF else one for one in features]
    return tuple(one.contiguous() for one in known)


@dataclass(frozen=True)
class StageMap:
    """Which RoIs are compared, and which stages of the teacher see them.

    Args:
        student: The stages of the student that the RoIs are of.
        teacher: For each of these, the stages of the teacher that see the RoIs. Their
            outputs are averaged.
    """

    student: tuple[int, ...]
    teacher: tuple[tuple[int, ...], ...]

    def pairs(self) -> list[tuple[int, int]]:
        """Each stage of the student with each stage of the teacher that sees it."""
        return [
            (student_stage, teacher_stage)
            for student_stage, stages in zip(self.student, self.teacher, strict=True)
            for teacher_stage in stages
        ]


def choose_stages(
    student: Stages,
    teacher: Stages,
    student_stage: int | None,
    teacher_stage: int | str | None,
    kind: str = 'bbox',
) -> StageMap:
    """The stages that the options of a part mean.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        student_stage: One stage whose RoIs are compared; `None` is all of them.
        teacher_stage: Which stage of the teacher sees them: a number, `'last'`,
            `'same'` (the one of the student's number) or `'average'` (the mean of all).
            `None` is `'same'` for cascades of one length, else `'last'`.
        kind: Which heads these are, `bbox` or `mask`.

    Raises:
        ValueError: There is no such stage.
    """
    chosen, known = student.of(kind), teacher.of(kind)
    if teacher_stage is None:
        teacher_stage = 'same' if chosen == known else 'last'
    if student_stage is not None:
        chosen = (_checked('student_stage', student_stage, chosen, kind),)
    if teacher_stage == 'average':
        return StageMap(chosen, (known,) * len(chosen))
    if teacher_stage == 'last':
        return StageMap(chosen, (known[-1:],) * len(chosen))
    if teacher_stage == 'same':
        same = [_checked('teacher_stage', stage, known, kind) for stage in chosen]
        return StageMap(chosen, tuple((stage,) for stage in same))
    stage = _checked('teacher_stage', teacher_stage, known, kind)
    return StageMap(chosen, ((stage,),) * len(chosen))


def _checked(name: str, stage: Any, known: tuple[int, ...], kind: str) -> int:
    if isinstance(stage, bool) or stage not in known:
        whose = name.removesuffix('_stage')
        words = "'last', 'same', 'average' or " if whose == 'teacher' else ''
        heads = ('box' if kind == 'bbox' else 'mask') + ' head' + 's' * (len(known) > 1)
        raise ValueError(
            f'{name} must be {words}a number from {known[0]} to {known[-1]}, as the '
            f'{whose} has {len(known)} {heads}, got {stage!r}'
        )
    return stage
