"""What holds for every registered loss with parameters, beside the battery."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.losses._connectors import BatchNorm
from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.registry import build

from .connector_row import ConnectorRow
from .rows_connectors import CONNECTOR_ROWS
from .samples import draw_anchors

EACH = pytest.mark.parametrize('row', CONNECTOR_ROWS, ids=lambda row: row.class_name)
CHANNELS: dict[str, Any] = {'student_channels': [2, 4], 'teacher_channels': [6, 7]}


def draw_levels(images: int = 2) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    student = [(images, 2, 6, 5), (images, 4, 3, 2)]
    teacher = [(images, 6, 6, 5), (images, 7, 3, 2)]
    return tuple(  # type: ignore[return-value]
        [torch.randn(shape, generator=generator) for shape in shapes]
        for shapes in (student, teacher)
    )


def extras(row: ConnectorRow, images: int) -> list[Any]:
    """What the loss takes beside the maps of two levels."""
    sample = row.draw(images)
    anchors = [draw_anchors(size, sample.image_size) for size in ((6, 5), (3, 2))]
    named = {
        'boxes': sample.boxes,
        'image_size': sample.image_size,
        'image_shapes': sample.image_shapes,
        'anchors': anchors,
    }
    return [named[need] for need in row.needs]


@EACH
@pytest.mark.parametrize('images', [0, 1, 2])
def test_every_level_and_every_parameter_gets_a_gradient(
    row: ConnectorRow, images: int
) -> None:
    """DistributedDataParallel waits for the gradient of each parameter."""
    student, teacher = draw_levels(images)
    for level in student:
        level.requires_grad_()
    loss = row.build(**CHANNELS).float()
    loss(student, teacher, *extras(row, images)).backward()
    tensors = dict(enumerate(student)) | dict(loss.named_parameters())
    for name, tensor in tensors.items():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        needed = 1 if str(name).endswith(row.of_pairs or ('no name',)) else 0
        assert bool(tensor.grad.any()) == (images > needed)


@EACH
def test_a_list_of_one_level_is_the_level_itself(row: ConnectorRow) -> None:
    sample = row.draw(3)
    student, teacher, *others = row.inputs(sample)
    value = row.build()(student, teacher, *others)
    assert row.build()([student], (teacher,), *others) == value
    channels = {name: [number] for name, number in row.arguments.items()}
    assert row.build(**channels)(student, teacher, *others) == value


@EACH
def test_its_state_is_restored(row: ConnectorRow) -> None:
    sample = row.draw(3)
    trained = row.build()
    trained(*row.inputs(sample))  # running statistics, counters
    fresh = build(REGISTRY, {'type': row.class_name, **row.arguments}).double()
    assert fresh(*row.inputs(sample)) != trained(*row.inputs(sample))
    fresh.load_state_dict(trained.state_dict())
    assert fresh(*row.inputs(sample)) == trained(*row.inputs(sample))
    assert all(isinstance(value, Tensor) for value in trained.state_dict().values())


@EACH
def test_numbers_of_levels_that_do_not_fit_are_named(row: ConnectorRow) -> None:
    student, teacher = draw_levels()
    shapes = '[(2, 2, 6, 5), (2, 4, 3, 2)]'
    for loss, wanted, got in (
        (row.build(**CHANNELS), 2, '[(2, 6, 6, 5)]'),
        (row.build(), 1, '[(2, 6, 6, 5)]'),
    ):
        with pytest.raises(ValueError) as error:
            loss(student, teacher[:1], *extras(row, 2))
        assert str(error.value) == (
            f'student and teacher must have {wanted} level(s), as student_channels and '
            f'teacher_channels have, got {shapes} and {got}; give the channels of '
            'every level as a list, or choose other layers'
        )


@EACH
def test_other_channels_are_named_with_those_to_set(row: ConnectorRow) -> None:
    student, teacher = draw_levels()
    loss = row.build(**CHANNELS)
    teacher[1] = teacher[1][:, :1]
    with pytest.raises(ValueError) as error:
        loss(student, teacher, *extras(row, 2))
    assert str(error.value) == (
        'teacher must have the channels [6, 7], level by level, as teacher_channels '
        'says, got [6, 1] (student [(2, 2, 6, 5), (2, 4, 3, 2)] and teacher '
        '[(2, 6, 6, 5), (2, 1, 3, 2)]); set teacher_channels=[6, 1] in the loss of '
        'the term, or choose other layers'
    )


@EACH
def test_an_output_that_is_no_map_is_named(row: ConnectorRow) -> None:
    student, teacher = draw_levels()
    student[1] = student[1].flatten(2)  # as tokens are
    with pytest.raises(ValueError, match=r'^level 1: student must be \(N, C, H, W\)'):
        row.build(**CHANNELS)(student, teacher, *extras(row, 2))


@EACH
@pytest.mark.parametrize('name', ['student_channels', 'teacher_channels'])
@pytest.mark.parametrize('value', [0, -1, 2.0, '2', None, True, [], [2, 0], [[2]]])
def test_channels_that_are_no_integers_are_refused(
    row: ConnectorRow, name: str, value: Any
) -> None:
    with pytest.raises(ValueError) as error:
        row.build(**{name: value})
    assert str(error.value) == (
        f'{name} must be an integer >= 1 or a list of one per level, got {value!r}'
    )


@EACH
def test_lists_of_channels_of_other_lengths_are_refused(row: ConnectorRow) -> None:
    with pytest.raises(ValueError) as error:
        row.build(student_channels=[2, 4], teacher_channels=3)
    assert str(error.value) == (
        'student_channels and teacher_channels must have the same number of levels, '
        'got [2, 4] and 3; give one number per level for both'
    )


def test_batch_norm_is_the_usual_one_where_that_can_be_computed() -> None:
    ours, usual = BatchNorm(3), torch.nn.BatchNorm2d(3)
    for shape in ((2, 3, 1, 1), (1, 3, 2, 1), (4, 3, 5, 5)):
        maps = torch.randn(shape)
        assert torch.equal(ours(maps), usual(maps))
    assert_same_state(ours.state_dict(), usual.state_dict())


@pytest.mark.parametrize('images', [0, 1])
def test_batch_norm_takes_running_statistics_for_a_single_value(images: int) -> None:
    norm = BatchNorm(3)
    norm(2 + torch.randn(8, 3, 4, 4))
    state = {name: value.clone() for name, value in norm.state_dict().items()}
    value = norm(torch.ones(images, 3, 1, 1))
    assert_same_state(norm.state_dict(), state)
    assert torch.equal(value, norm.eval()(torch.ones(images, 3, 1, 1)))


def assert_same_state(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
