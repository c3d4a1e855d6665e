"""SimKD as a registered loss."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional import fitnet_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import LOSSES

__all__ = ['SimKDLoss']


@LOSSES.register_module()
class SimKDLoss(nn.Module):
    r"""The last map in front of the teacher's classifier, which the student then uses.

    .. math::
        L = \mathrm{MSE}(g(\mathrm{pool}(s)), \mathrm{pool}(t))

    with the projector g of :class:`ckd_mm.models.SimKDNeck`, trained along with the
    student: convolutions 1 x 1, 3 x 3 and 1 x 1, each with BatchNorm and ReLU. Of both
    maps the larger is average-pooled to the smaller size, the student's before the
    projector. "Knowledge Distillation with the Reused Teacher Classifier",
    arXiv:2203.14001, which has no other loss: `student_loss_weight=0`.

    At inference the projector is the student's neck, and the teacher's classifier its
    head. The hook puts both in place while it validates; `tools/export_student.py`
    writes them into a config and a checkpoint.

    Args:
        student_channels: Number of channels of the student's last map. The losses of
            several levels, given by a list, are summed; a run of training has one.
        teacher_channels: The same for the teacher.
        reduction: The 3 x 3 convolution has `teacher_channels // reduction` channels.
            The authors: 2; 4 and 8 are cheaper.
        loss_weight: Multiplies the loss. With 0 it only monitors, and the student keeps
            its classifier.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import SimKDLoss
        >>> loss = SimKDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'
    inference_modules: ClassVar[tuple[str, ...]] = ('backbone', 'backbone:-1')
    """What it may compare of both models: what the neck of a classifier gets."""
    inference_parts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        'neck': ('sizes',),
        'head': (),
    }
    """What it replaces, each with the settings that only training finds."""

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        reduction: int = 2,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.reduction = positive_integer('reduction', reduction)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.necks = nn.ModuleList(
            MODELS.build(_neck(*widths, self.reduction)) for widths in self.widths
        )

    def forward(
        self, student: Maps, teacher: Maps, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        found = pairs(student, teacher, self.widths)
        return self.loss_weight * over_pairs(
            partial(_distance, reduction), self.necks, found
        ).sum(dim=0)

    def at_inference(self, teacher: Any) -> dict[str, tuple[dict[str, Any], nn.Module]]:
        """What takes the place of the student's modules outside of training steps.

        Args:
            teacher: The teacher, a classifier of MMPretrain.

        Returns:
            By child of the student, its config and the module with its weights.

        Raises:
            ValueError: The teacher's classifier is no pooling and one linear layer.
        """
        if len(self.widths) > 1:
            raise ValueError(
                'SimKDLoss gives the student one projector, of the last map, got '
                f"{len(self.widths)} levels; compare on='module:backbone:-1'"
            )
        (neck,), (widths,) = self.necks, self.widths
        _check_classifier(teacher, widths[1])
        head = dict(
            type='LinearClsHead',
            num_classes=teacher.head.num_classes,
            in_channels=widths[1],
            loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
            topk=tuple(teacher.head.topk),
        )
        config = _neck(*widths, self.reduction, sizes=neck.sizes)
        return {'neck': (config, neck), 'head': (head, _classifier(teacher, head))}

    def get_extra_state(self) -> Tensor:
        """The sizes of both maps of each level, zeros before the first step."""
        found: list[Any] = [neck.sizes or ((0, 0), (0, 0)) for neck in self.necks]
        return torch.tensor(found)

    def set_extra_state(self, state: Tensor) -> None:
        """Take the sizes from a state dict."""
        necks: Any = self.necks
        for neck, one in zip(necks, state, strict=True):
            neck.sizes = tuple(map(tuple, one.tolist())) if one.any() else None


def _neck(
    student_width: int, teacher_width: int, reduction: int, **options: Any
) -> dict[str, Any]:
    """The config of the projector with the mean behind it."""
    return dict(
        type='SimKDNeck',
        in_channels=student_width,
        out_channels=teacher_width,
        reduction=reduction,
        **options,
    )


def _distance(
    reduction: Reduction, neck: Any, student: Tensor, teacher: Tensor
) -> Tensor:
    """The loss of one level, of which the projector notes the sizes."""
    neck.sizes = tuple(student.shape[2:]), tuple(teacher.shape[2:])
    return fitnet_loss(neck.project(student), teacher, reduction=reduction)


def _check_classifier(teacher: Any, width: int) -> None:
    """Check that logits are a linear function of the mean of the last map.

    Raises:
        ValueError: They are not, or the layer has another width.
    """
    found: list[Any] = [getattr(teacher, name, None) for name in ('neck', 'head')]
    neck, head = found
    fits = type(neck).__name__ == 'GlobalAveragePooling'
    if not fits or type(head).__name__ != 'LinearClsHead':
        raise ValueError(
            "SimKDLoss gives the student the teacher's classifier, which must be "
            "MMPretrain's GlobalAveragePooling and LinearClsHead, got "
            f'{type(neck).__name__} and {type(head).__name__}; take such a teacher, or '
            "FitNetLoss, which leaves the student's classifier as it is"
        )
    if head.in_channels != width:
        raise ValueError(
            f'SimKDLoss compares maps of {width} channels, but the classifier of the '
            f'teacher takes {head.in_channels}; compare the last maps, with '
            "on='module:backbone:-1'"
        )


@torch.no_grad()
def _classifier(teacher: Any, config: dict[str, Any]) -> nn.Module:
    """The teacher's classifier in a new head, in float32, without its hooks."""
    with preserved_random_state():
        head: Any = MODELS.build({**config, 'type': 'mmpretrain.LinearClsHead'})
    head.fc.weight.copy_(teacher.head.fc.weight)
    head.fc.bias.copy_(teacher.head.fc.bias)
    return head.requires_grad_(False).to(teacher.head.fc.weight.device)
