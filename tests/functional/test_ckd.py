"""Facts about the contrastive loss that follow from its formula by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional import ckd_loss
from ckd_mm.functional.ckd import Center


@pytest.mark.parametrize('rows', [2, 64, 512])
def test_a_perfect_copy_with_orthogonal_rows_stays_far_from_zero(rows: int) -> None:
    logits = torch.eye(rows, dtype=torch.float64)
    expected = math.log(math.e + rows - 1) - 1  # 3.19 for 64 rows, 5.24 for 512
    assert ckd_loss(logits, logits).item() == pytest.approx(expected, rel=1e-12)


def test_a_collapsed_student_gives_the_log_of_the_number_of_rows() -> None:
    teacher = torch.eye(8, dtype=torch.float64)
    student = torch.ones(8, 8, dtype=torch.float64)
    assert ckd_loss(student, teacher).item() == pytest.approx(math.log(8), rel=1e-12)


def test_the_anchor_is_the_side_whose_rows_look_for_a_match() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    by_teacher = ckd_loss(first, second, anchor='teacher')
    by_student = ckd_loss(first, second, anchor='student')
    assert not torch.isclose(by_teacher, by_student)
    torch.testing.assert_close(by_student, ckd_loss(second, first, anchor='teacher'))
    both = ckd_loss(first, second, anchor='both')
    torch.testing.assert_close(both, (by_teacher + by_student) / 2)


def test_a_zero_row_gets_no_gradient_and_the_others_keep_theirs() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 6, generator=generator)
    student[1] = 0
    student.requires_grad_()
    ckd_loss(student, teacher).backward()
    assert student.grad is not None
    assert not student.grad[1].any()
    assert student.grad[[0, 2, 3]].abs().sum(dim=1).gt(0).all()


def test_the_loss_stays_within_its_documented_bounds() -> None:
    teacher = torch.eye(4)
    opposite = torch.full((4, 4), 1.0).fill_diagonal_(-3.0)
    upper = math.log(1 + 3 * math.exp(2))
    lower = math.log(1 + 3 * math.exp(-2))
    assert lower < ckd_loss(teacher, teacher) < ckd_loss(opposite, teacher) < upper


def draw_pair() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [*torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)]


def test_rows_of_one_class_are_left_out_but_for_the_match() -> None:
    """Orthogonal rows: each anchor has its match and the rows of the other class."""
    logits = torch.eye(5, dtype=torch.float64)
    target = torch.tensor([3, 3, 3, 7, 7])
    value = ckd_loss(logits, logits, target=target)
    expected = (3 * math.log(math.e + 2) + 2 * math.log(math.e + 3)) / 5 - 1
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_images_are_contrasted_each_for_itself() -> None:
    student, teacher = draw_pair()
    image_index = torch.tensor([0, 0, 1, 1, 1, 0])
    by_image = [
        ckd_loss(student[image_index == image], teacher[image_index == image])
        for image in (0, 1)
    ]
    value = ckd_loss(student, teacher, image_index=image_index)
    torch.testing.assert_close(value, sum(by_image) / 2)


@pytest.mark.parametrize('block_size', [None, 2])
def test_rows_that_are_all_left_out_give_zero(block_size: int | None) -> None:
    student, teacher = draw_pair()
    student.requires_grad_()
    one_class = torch.zeros(6, dtype=torch.long)
    value = ckd_loss(student, teacher, target=one_class, block_size=block_size)
    assert value == 0
    value.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all() and not student.grad.any()


def test_classes_that_all_differ_and_one_image_leave_out_nothing() -> None:
    pair = draw_pair()
    image_index = torch.zeros(6, dtype=torch.long)
    value = ckd_loss(*pair, target=torch.arange(6), image_index=image_index)
    assert value == ckd_loss(*pair)


def test_soft_labels_count_by_their_largest_class() -> None:
    hard = torch.tensor([0, 4, 2, 2, 1, 4])
    soft = 0.6 * torch.eye(5)[hard] + 0.4 * torch.eye(5)[hard.roll(1)]
    assert ckd_loss(*draw_pair(), target=soft) == ckd_loss(*draw_pair(), target=hard)
    assert ckd_loss(*draw_pair(), target=hard) != ckd_loss(*draw_pair())


def test_labels_and_images_of_another_form_are_named() -> None:
    with pytest.raises(ValueError, match=r'got \(5,\) of torch.int64; check what the'):
        ckd_loss(*draw_pair(), target=torch.arange(5))
    with pytest.raises(ValueError) as error:
        ckd_loss(*draw_pair(), image_index=torch.zeros(6, 1))
    assert str(error.value) == (
        'image_index must be (B,) for 6 rows, got (6, 1); give the number of the image '
        'of each row'
    )


def test_negatives_of_one_image_are_not_gathered() -> None:
    image_index = torch.zeros(6, dtype=torch.long)
    with pytest.raises(ValueError, match='exclude each other'):
        ckd_loss(*draw_pair(), image_index=image_index, gather_distributed=True)


@pytest.mark.parametrize('center', ['batch', 'classes'])
def test_centered_logits_are_those_less_their_mean(center: Center) -> None:
    pair = draw_pair()
    dim = 0 if center == 'batch' else 1
    moved = [logits - logits.mean(dim=dim, keepdim=True) for logits in pair]
    value = ckd_loss(*pair, center=center)
    torch.testing.assert_close(value, ckd_loss(*moved))
    assert not torch.isclose(value, ckd_loss(*pair))


def test_the_match_outside_of_the_denominator_leaves_its_share_out() -> None:
    """With p the share of the match, -log p becomes -log p + log (1 - p)."""
    logits = torch.eye(4, dtype=torch.float64)
    value = ckd_loss(logits, logits, positive_in_denominator=False)
    assert value.item() == pytest.approx(math.log(3) - 1, rel=1e-12)


def test_positives_of_the_class_are_pulled_and_those_of_background_are_not() -> None:
    student, teacher = draw_pair()
    target = torch.tensor([0, 0, 1, 1, 2, 2])
    mean_of_classes = ckd_loss(student, teacher, positives='class', target=target)
    scores = F.cosine_similarity(teacher[:, None], student[None], dim=2)
    logs = scores.log_softmax(dim=1)
    expected = -torch.stack([logs[i, target == target[i]].mean() for i in range(6)])
    torch.testing.assert_close(mean_of_classes, expected.mean())
    expected[4:] = -logs.diagonal()[4:]
    without = ckd_loss(
        student, teacher, positives='class', target=target, background_class=2
    )
    torch.testing.assert_close(without, expected.mean())


def test_positives_of_the_class_need_labels_and_all_images() -> None:
    pair = draw_pair()
    with pytest.raises(ValueError, match="'class' needs target.*got None; pass it"):
        ckd_loss(*pair, positives='class')
    index = torch.zeros(6, dtype=torch.long)
    with pytest.raises(ValueError, match='exclude each other.*leave out one'):
        ckd_loss(*pair, positives='class', target=index, image_index=index)
