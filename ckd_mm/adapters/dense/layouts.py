"""How each kind of dense head gives its class logits and its labels.

Most heads of MMDetection return class logits by level first, have a generator of
anchors or points, and hand a label for each of them to their class loss. What a kind
does in another way is in :data:`LAYOUTS`, and nowhere else.

Shape suffixes: N images, P anchors or points of an image, C classes, A anchors of a
position; by level, maps are (N, A * C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ckd_mm.adapters.core.labels import assigned_labels

__all__ = ['LAYOUTS', 'Layout', 'layout_of']

Calls: TypeAlias = Sequence[Sequence[tuple[Any, ...]]]
"""For each class loss of a head the positional arguments of its calls."""


def _quality(head: Any, outputs: Any, maps: list[Tensor]) -> list[Tensor] | None:
    """Centerness, objectness or IoU: a third output with one channel per anchor."""
    if len(outputs) < 3 or not isinstance(outputs[2], (list, tuple)):
        return None
    channels = [level.shape[1] // head.cls_out_channels for level in maps]
    if [getattr(level, 'shape', (0, 0))[1] for level in outputs[2]] != channels:
        return None
    return [level.float().sigmoid() for level in outputs[2]]


def _labels(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """One call per level, or one for all levels; of one loss or another (TOOD)."""
    made = next((one for one in calls if one), [])
    return assigned_labels(made, num_priors, num_images)


@dataclass(frozen=True)
class Layout:
    """How one kind of head gives what is read of it.

    Args:
        grid: The attribute that says which anchors, points or cells there are; empty
            for heat maps, which have no such attribute.
        inner: The module inside the head whose output has the class maps; empty where
            it is the output of the head.
        maps: The class maps by level of that output.
        before: Channels of an anchor before its class logits.
        objectness: By level, the logits (N, A, H, W) of an object, of heads that tell
            object from background beside the classes; else `None`.
        is_probability: Whether the maps have been through a sigmoid.
        factors: By level, what the probability of a class is multiplied by to rank
            boxes, (N, A, H, W); `None` is nothing.
        losses: The losses that get the labels; none if no loss gets a label for each
            anchor or point.
        labels: Makes the labels (N, P) of their calls; background is `num_classes`.
        alike_in_eval: Whether the head returns the same in eval mode as in training.
        fixed_anchors: Whether box deltas of two such heads are of the same boxes.
    """

    grid: str = 'prior_generator'
    inner: str = ''
    maps: Callable[[Any], Any] = itemgetter(0)
    before: int = 0
    objectness: Callable[[Any, Any], list[Tensor]] | None = None
    is_probability: bool = False
    factors: Callable[[Any, Any, list[Tensor]], list[Tensor] | None] = _quality
    losses: tuple[str, ...] = ('loss_cls',)
    labels: Callable[[Any, Calls, Sequence[int], int], Tensor] = _labels
    alike_in_eval: bool = True
    fixed_anchors: bool = True


def layout_of(head: Any) -> Layout:
    """The layout of a head's class, or of the class that it inherits from."""
    for cls in type(head).__mro__:
        if cls.__name__ in LAYOUTS:
            return LAYOUTS[cls.__name__]
    return Layout()


def _labels_by_image(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """The last call has the anchors image by image, not level by level.

    Calls before are of the anchors with an object alone.
    """
    return assigned_labels(calls[0][-1:], [sum(num_priors)], num_images)


def _labels_of_yolact(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """One call for each image where it mines hard examples, else one for each level."""
    if not head.use_ohem:
        return _labels(head, calls, num_priors, num_images)
    images = [assigned_labels([call], [sum(num_priors)], 1) for call in calls[0]]
    return torch.cat(images)


def _labels_of_scores(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """The class loss gets a score for each class; all 0 is background."""
    given = [
        (None, _classes(head, call[1]) if call[1].is_floating_point() else call[1])
        for call in calls[0]
    ]
    return assigned_labels(given, num_priors, num_images)


def _labels_of_peaks(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """The loss gets maps (N, C, H, W) that are 1 where an object is.

    Only the maps of the last stage are compared.
    """
    peaks = [target == 1 for _, target, *_ in calls[0][-len(num_priors) :]]
    given = [
        (None, _classes(head, one.flatten(2).transpose(1, 2).float())) for one in peaks
    ]
    return assigned_labels(given, num_priors, num_images)


def _labels_of_yolox(
    head: Any, calls: Calls, num_priors: Sequence[int], num_images: int
) -> Tensor:
    """The class loss gets the assigned points (F, C) alone, beside an objectness."""
    classes, ((_, is_object, *_),) = calls
    is_object = is_object.flatten() > 0
    found = torch.full_like(is_object, head.num_classes, dtype=torch.long)
    if classes:
        ((_, targets, *_),) = classes
        count = (is_object.cumsum(0) - 1).clamp(0, len(targets) - 1)
        found = torch.where(is_object, targets.argmax(1)[count], found)
    return found.reshape(num_images, -1)


def _classes(head: Any, scores: Tensor) -> Tensor:
    best, classes = scores.max(-1)
    return torch.where(best > 0, classes, head.num_classes)


def _yolov3_objectness(head: Any, outputs: Any) -> list[Tensor]:
    """The channel after the four of the box."""
    return [level[:, 4 :: head.num_attrib] for level in outputs[0]]


def _yolox_objectness(head: Any, outputs: Any) -> list[Tensor]:
    return list(outputs[2])


def _objectness(head: Any, outputs: Any, maps: list[Tensor]) -> list[Tensor]:
    logits = _yolov3_objectness(head, outputs)
    return [level.float().sigmoid() for level in logits]


def _location(head: Any, outputs: Any, maps: list[Tensor]) -> list[Tensor]:
    """Guided anchors are only made where an object is likely enough."""
    return [
        (level.float().sigmoid() >= head.loc_filter_thr).float() for level in outputs[3]
    ]


def _centerness(head: Any, outputs: Any, maps: list[Tensor]) -> list[Tensor]:
    return [level.float().sigmoid() for level in outputs[2]]


def _buckets(head: Any, outputs: Any, maps: list[Tensor]) -> list[Tensor]:
    """SABL's confidence in the buckets of a box's four sides."""
    found = []
    for level, _ in outputs[1]:
        sides = level.float().unflatten(1, (4, head.side_num)).softmax(2)
        (best, second), (at, beside) = (one.unbind(2) for one in sides.topk(2, dim=2))
        is_neighbor = (at - beside).abs() == 1
        found.append((best + second * is_neighbor).mean(1, keepdim=True))
    return found


def _nothing(head: Any, outputs: Any, maps: list[Tensor]) -> None:
    return None


def _tokens(outputs: Any) -> list[Tensor]:
    """Of GLIP, by level (N, H * W, T): maps of one column."""
    return [level.transpose(1, 2)[..., None] for level in outputs[0]]


def _corners(outputs: Any) -> list[Tensor]:
    """Of the last stage, as in testing: top left corners, then bottom right ones."""
    return [outputs[0][-1], outputs[1][-1]]


_GUIDED = Layout(
    grid='square_anchor_generator',
    factors=_location,
    alike_in_eval=False,
    fixed_anchors=False,
)
_UNTOLD = Layout(losses=())
_BY_IMAGE = Layout(labels=_labels_by_image)
_HEAT = Layout(grid='', factors=_nothing, labels=_labels_of_peaks)
_CELLS = Layout(grid='num_grids', factors=_nothing, alike_in_eval=False)

LAYOUTS = {
    'ATSSVLFusionHead': Layout(maps=_tokens, factors=_centerness, losses=()),
    'AutoAssignHead': _UNTOLD,  # weighs every point of an object
    'CenterNetHead': replace(
        _HEAT,
        inner='heatmap_head',
        maps=lambda output: [output],
        losses=('loss_center_heatmap',),
    ),
    'CenterNetUpdateHead': _UNTOLD,
    'CornerHead': replace(_HEAT, maps=_corners, losses=('loss_heatmap',)),
    'DecoupledSOLOHead': replace(_CELLS, maps=itemgetter(2)),
    'FreeAnchorRetinaHead': _UNTOLD,  # weighs a bag of anchors of each object
    'GuidedAnchorHead': _GUIDED,
    'PAAHead': _BY_IMAGE,
    'PISARetinaHead': _BY_IMAGE,
    'SABLRetinaHead': Layout(
        grid='square_anchor_generator', factors=_buckets, fixed_anchors=False
    ),
    'SOLOHead': replace(_CELLS, maps=itemgetter(1)),
    'SSDHead': _UNTOLD,
    'StageCascadeRPNHead': Layout(maps=itemgetter(1), fixed_anchors=False),
    'TOODHead': Layout(is_probability=True, losses=('loss_cls', 'initial_loss_cls')),
    'VFNetHead': Layout(labels=_labels_of_scores),
    'YOLACTHead': Layout(labels=_labels_of_yolact),
    'YOLOV3Head': Layout(
        before=5,
        objectness=_yolov3_objectness,
        factors=_objectness,
        labels=_labels_of_scores,
    ),
    'YOLOXHead': Layout(
        objectness=_yolox_objectness,
        losses=('loss_cls', 'loss_obj'),
        labels=_labels_of_yolox,
    ),
}
