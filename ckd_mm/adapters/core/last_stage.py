"""The last two stages of a backbone: their maps, and the last one on given maps.

A map that stands for what the last stage but one returns goes through the last stage of
a frozen teacher, with gradient. ScaleKD's "teacher parameter perception",
arXiv:2411.06786.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.levels import readout_of
from ckd_mm.adapters.core.pair_spec import Readout, Unavailable
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.sharding import is_sharded

__all__ = ['LastStage', 'last_stage_of', 'stages_of', 'why_no_last_stage']


class LastStage(ABC):
    """The last stage of a backbone, as a function of the maps of the stage before.

    Args:
        backbone: It is of this kind.
    """

    def __init__(self, backbone: Any) -> None:
        self.backbone = backbone

    @classmethod
    @abstractmethod
    def suits(cls, backbone: Any) -> bool:
        """Whether a backbone is of this kind."""

    @abstractmethod
    def readout(self) -> Readout:
        """The maps (N, C, H, W) of the last stage but one and of the last."""

    @abstractmethod
    def __call__(self, maps_NCHW: Tensor) -> Tensor:
        """What the last stage makes of maps of the stage before, (N, C, H, W)."""


class _Layers(LastStage):
    """Backbones whose stages are children `layer1`, `layer2`, ..., as ResNet's are."""

    @classmethod
    def suits(cls, backbone: Any) -> bool:
        return len(_layer_names(backbone)) > 1

    def readout(self) -> Readout:
        names = _layer_names(self.backbone)[-2:]
        return Readout(tuple(Tap(f'backbone.{name}') for name in names), _all)

    def __call__(self, maps_NCHW: Tensor) -> Tensor:
        last = getattr(self.backbone, _layer_names(self.backbone)[-1])
        found: Tensor = last(maps_NCHW)
        return found


class _Swin(LastStage):
    """MMPretrain's Swin, whose stages take tokens, with its norm behind the last."""

    @classmethod
    def suits(cls, backbone: Any) -> bool:
        return _is_swin(backbone) and _returns_last(backbone)

    def readout(self) -> Readout:
        before = len(self.backbone.stages) - 2
        return Readout((Tap(f'backbone.stages.{before}'), Tap('backbone')), _of_swin)

    def __call__(self, maps_NCHW: Tensor) -> Tensor:
        before, last = self.backbone.stages[-2:]
        size = (maps_NCHW.shape[2], maps_NCHW.shape[3])
        tokens = maps_NCHW.flatten(2).transpose(1, 2)
        if not self.backbone.out_after_downsample:
            tokens, size = before.downsample(tokens, size)
        tokens, size = last(tokens, size)
        norm = getattr(self.backbone, f'norm{len(self.backbone.stages) - 1}')
        return _as_maps(norm(tokens), size)


KINDS: tuple[type[LastStage], ...] = (_Swin, _Layers)


def last_stage_of(model: BaseModel) -> LastStage | None:
    """The last stage of a model's backbone; `None` if it is of no known kind."""
    backbone = getattr(model, 'backbone', None)
    kind = next((one for one in KINDS if one.suits(backbone)), None)
    return None if kind is None else kind(backbone)


def stages_of(student: BaseModel, names: Any = None) -> Readout:
    """How the maps of a student's last stage but one and of its last are read.

    Args:
        student: A classifier.
        names: The modules that return them; `None` if its backbone is of a known kind.

    Raises:
        ValueError: They are no two names, or needed and not given.
    """
    known = last_stage_of(student)
    if names is None and known is not None:
        return known.readout()
    if not _are_two_names(names):
        backbone = type(getattr(student, 'backbone', None)).__name__
        raise ValueError(
            'student_stages must name two modules, of the last stage but one and of '
            f'the last, got {names!r} beside a {backbone}; give '
            "student_stages=['backbone.NAME', 'backbone.NAME'], or leave it out for a "
            "ResNet and for MMPretrain's Swin"
        )
    readouts = [readout_of(student, one) for one in names]

    def both(values: list[Any], step: Step) -> tuple[Any, ...]:
        pairs = zip(readouts, values, strict=True)
        return tuple(one.select([value], step) for one, value in pairs)

    return Readout(tuple(one.taps[0] for one in readouts), both)


def why_no_last_stage(teacher: BaseModel) -> Unavailable | None:
    """Why maps cannot go through the last stage of a teacher alone, if so."""
    backbone: Any = getattr(teacher, 'backbone', None)
    if _is_swin(backbone) and not _returns_last(backbone):
        return Unavailable(
            f"the teacher's {type(backbone).__name__} does not return its last stage "
            f'(out_indices={tuple(backbone.out_indices)}), and has no norm behind it; '
            f'take a teacher with out_indices=({len(backbone.stages) - 1},)'
        )
    if last_stage_of(teacher) is None:
        return Unavailable(
            f"the teacher's backbone is a {type(backbone).__name__}, of which it is "
            "not known how its last stage runs alone; take a teacher with MMPretrain's "
            'Swin or with a ResNet as the backbone, or compare feature maps with '
            "on=dict(student='backbone:-1', teacher='backbone:-1')"
        )
    if is_sharded(teacher):
        return Unavailable(
            'the teacher has shard=True, and its last stage is only whole inside of '
            'its forward; leave shard out'
        )
    return None


def _are_two_names(value: Any) -> bool:
    listed = isinstance(value, (list, tuple)) and len(value) == 2
    return listed and all(isinstance(one, str) for one in value)


def _layer_names(backbone: Any) -> list[str]:
    """The children `layer1`, `layer2`, ... of a backbone, in their order."""
    if not isinstance(backbone, nn.Module):
        return []
    children = dict(backbone.named_children())
    names = [f'layer{number}' for number in range(1, len(children) + 1)]
    found = [name for name in names if name in children]
    is_last = bool(found) and found[-1] == [*children][-1]  # not so MobileNetV2's
    return found if is_last else []


def _is_swin(backbone: Any) -> bool:
    """Whether it is MMPretrain's Swin, with a stage before the last."""
    names = {one.__name__ for one in type(backbone).__mro__}
    is_ours = 'SwinTransformer' in names and hasattr(backbone, 'out_after_downsample')
    return is_ours and len(backbone.stages) > 1


def _returns_last(backbone: Any) -> bool:
    """Whether it returns its last stage, which has a norm only then."""
    return len(backbone.stages) - 1 in backbone.out_indices


def _all(values: list[Any], step: Step) -> tuple[Any, ...]:
    return tuple(values)


def _of_swin(values: list[Any], step: Step) -> tuple[Tensor, Tensor]:
    (tokens, size), maps = values
    return _as_maps(tokens, size), maps[-1]


def _as_maps(tokens_NPC: Tensor, size: tuple[int, int]) -> Tensor:
    return tokens_NPC.transpose(1, 2).unflatten(2, size)
