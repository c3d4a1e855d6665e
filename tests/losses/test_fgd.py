"""FGD beside what all losses with parameters share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.functional import fgd_focal_loss, fgd_masks
from ckd_mm.losses import FGDLoss
from ckd_mm.losses._contexts import Context, transformed

SIZE = (32, 48)  # of the image; the maps are 4 x 6, one position per 8 pixels


def masks(*boxes: list[float]) -> tuple[Tensor, Tensor]:
    of_image = torch.tensor(boxes).reshape(-1, 4)
    foreground, background = fgd_masks(torch.zeros(1, 8, 4, 6), [of_image], SIZE)
    return foreground[0], background[0]


def expected(*rectangles: tuple[slice, slice, float]) -> Tensor:
    mask = torch.zeros(4, 6)
    for rows, columns, value in rectangles:
        mask[rows, columns] = value
    return mask


def test_a_box_is_spread_over_its_positions_and_the_rest_over_the_others() -> None:
    foreground, background = masks([9.0, 1.0, 22.0, 7.0])  # 1.1 to 2.75, 0.1 to 0.9
    box = expected((slice(0, 2), slice(1, 4), 1 / 6))
    torch.testing.assert_close(foreground, box)
    torch.testing.assert_close(background, (box == 0) / 18)


def test_the_smaller_of_two_boxes_counts_where_they_overlap() -> None:
    large, small = [1.0, 1.0, 39.0, 23.0], [9.0, 9.0, 15.0, 15.0]
    wanted = expected(
        (slice(0, 4), slice(0, 6), 1 / 24), (slice(1, 3), slice(1, 3), 1 / 4)
    )
    for boxes in ([large, small], [small, large]):
        foreground, background = masks(*boxes)
        torch.testing.assert_close(foreground, wanted)
        assert not background.any()


def test_a_box_at_the_border_counts_the_positions_that_the_map_lacks() -> None:
    foreground, _ = masks([33.0, 17.0, 48.0, 32.0])  # up to row 4 and column 6
    torch.testing.assert_close(foreground, expected((slice(2, 4), slice(4, 6), 1 / 9)))


def test_an_image_without_boxes_is_all_background() -> None:
    foreground, background = masks()
    assert not foreground.any()
    torch.testing.assert_close(background, torch.full((4, 6), 1 / 24))


def test_half_precision_maps_do_not_move_the_boxes() -> None:
    boxes = [torch.tensor([[1003.0, 505.0, 1301.0, 777.0]])]
    maps = torch.zeros(1, 1, 100, 168)
    for dtype in (torch.float16, torch.bfloat16):
        half, _ = fgd_masks(maps.to(dtype), boxes, (800, 1344))
        assert torch.equal(half, fgd_masks(maps, boxes, (800, 1344))[0])


def test_boxes_that_do_not_fit_the_images_are_named() -> None:
    maps = torch.zeros(2, 1, 4, 6)
    for boxes, got in (
        ([torch.zeros(3, 4)], '[(3, 4)]'),
        ([torch.zeros(3, 4), torch.zeros(5)], '[(3, 4), (5,)]'),
    ):
        with pytest.raises(ValueError) as error:
            fgd_focal_loss(maps, maps, boxes, SIZE)
        assert str(error.value) == (
            f'boxes must be one tensor (G, 4) for each of the 2 images, got {got}; '
            'give an empty (0, 4) for an image without objects'
        )


def test_levels_are_summed() -> None:
    student = [torch.randn(2, 2, 8, 12), torch.randn(2, 4, 4, 6)]
    teacher = [torch.randn(2, 6, 8, 12), torch.randn(2, 4, 4, 6)]
    boxes = [torch.tensor([[4.0, 4.0, 20.0, 30.0]]), torch.zeros(0, 4)]
    loss: Any = FGDLoss([2, 4], [6, 4], loss_weight=0.5)
    each = []
    for number, (own, wanted) in enumerate(((2, 6), (4, 4))):
        single: Any = FGDLoss(own, wanted)
        single.connectors[0].load_state_dict(loss.connectors[number].state_dict())
        each.append(single(student[number], teacher[number], boxes, SIZE))
    value = loss(student, teacher, boxes, SIZE)
    torch.testing.assert_close(value, 0.5 * (each[0] + each[1]))


def test_contexts_start_as_the_identity() -> None:
    loss: Any = FGDLoss(4, 4)
    maps = torch.randn(2, 4, 5, 6)
    (connector,) = loss.connectors
    assert isinstance(connector.align, nn.Identity)
    for context in (connector.student_context, connector.teacher_context):
        (added,) = transformed([context], [context.gather(maps)])
        assert added.shape == (2, 4)
        assert not added.any()
        assert context.attend.weight.any()


def test_contexts_of_other_widths_are_computed_apart() -> None:
    """One channel is a matrix of one number, which must keep its two dimensions."""
    blocks = [Context(width) for width in (4, 1, 4)]
    for parameter in nn.ModuleList(blocks).parameters():
        nn.init.normal_(parameter)
    gathered = [torch.randn(2, width) for width in (4, 1, 4)]
    for number, added in enumerate(transformed(blocks, gathered)):
        alone = blocks[number].transform(gathered[number][:, :, None, None])
        torch.testing.assert_close(added, alone[:, :, 0, 0])


def test_weights_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match='relation_weight are all 0.*loss_weight=0'):
        FGDLoss(4, 4, 0.0, 0.0, 0.0, 0.0)


def test_a_box_up_to_the_edge_of_the_image_ends_with_the_last_cell() -> None:
    """In float32, 1344 * (11 / 1344) is more than 11, and would count a cell more."""
    box = [torch.tensor([[0.0, 0.0, 1344.0, 1344.0]])]
    for size in range(1, 200):
        maps = torch.zeros(1, 1, size, size)
        foreground_NHW, _ = fgd_masks(maps, box, (1344, 1344))
        expected = torch.full_like(foreground_NHW, 1 / (size + 1) ** 2)
        torch.testing.assert_close(foreground_NHW, expected, msg=str(size))
