"""What is ND's own: class means from a file or of training, soft labels, the norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import nd_loss
from ckd_mm.losses import NDLoss

from .references_state import reference_nd

CLASSES, WIDTH = 4, 5


def draw_step(rows: int = 6, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (2, rows, WIDTH)
    student, teacher = torch.randn(shape, generator=generator, dtype=torch.float64)
    target = torch.randint(CLASSES, (rows,), generator=generator)
    return student.requires_grad_(), teacher, target


def make(**config: Any) -> NDLoss:
    sizes = dict(num_classes=CLASSES, teacher_channels=WIDTH)
    return NDLoss(**{**sizes, **config}).double()


def write(folder: Path, means: Any) -> Path:
    torch.save({'class_means': means}, folder / 'means.pt')
    return folder / 'means.pt'


def test_without_a_linear_layer_it_equals_a_slow_loop_also_with_soft_labels() -> None:
    student, teacher, target = draw_step()
    soft = torch.rand(6, CLASSES, dtype=torch.float64).softmax(dim=1)
    for labels in (target, soft):
        value = make()(student, teacher, labels)
        expected = reference_nd(make(), student, teacher, labels)
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(
            torch.autograd.grad(value, student), torch.autograd.grad(expected, student)
        )


def test_soft_labels_weight_the_losses_of_the_classes() -> None:
    student, teacher, target = draw_step()
    means = torch.randn(CLASSES, WIDTH, dtype=torch.float64)
    other = target.roll(1)
    eye = torch.eye(CLASSES, dtype=torch.float64)
    mixed = nd_loss(student, teacher, means, 0.3 * eye[target] + 0.7 * eye[other])
    expected = 0.3 * nd_loss(student, teacher, means, target) + 0.7 * nd_loss(
        student, teacher, means, other
    )
    torch.testing.assert_close(mixed, expected)


def test_the_sums_are_of_all_steps() -> None:
    loss = make()
    steps = [draw_step(seed=seed) for seed in range(3)]
    for step in steps:
        loss(*step)
    teacher, target = (torch.cat([step[i] for step in steps]) for i in (1, 2))
    for c in range(CLASSES):
        torch.testing.assert_close(loss.class_sums[c], teacher[target == c].sum(dim=0))
    student, teacher, target = draw_step(seed=3)
    value = loss(student, teacher, target)
    expected = nd_loss(student, teacher, loss.class_sums, target)
    assert value == expected


def test_a_resumed_loss_goes_on_with_its_sums() -> None:
    loss, resumed = make(), make()
    loss(*draw_step())
    resumed.load_state_dict(loss.state_dict())
    assert resumed(*draw_step(seed=1)) == loss(*draw_step(seed=1))


def test_means_of_a_file_stay_as_they_are(tmp_path: Path) -> None:
    means = torch.randn(CLASSES, WIDTH)
    loss = make(class_means=write(tmp_path, means), loss_weight=2.0)
    student, teacher, target = draw_step()
    expected = 2 * nd_loss(student, teacher, means, target)
    for _ in range(2):
        assert loss(student, teacher, target) == expected
    assert torch.equal(loss.class_sums, means.double())


def test_a_short_student_is_drawn_out_along_the_mean_and_a_long_one_turned() -> None:
    means, target = torch.eye(WIDTH)[:CLASSES], torch.tensor([1])
    teacher = 3 * torch.ones(1, WIDTH)
    short = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]], requires_grad=True)
    nd_loss(short, teacher, means, target).backward()
    assert short.grad is not None
    torch.testing.assert_close(short.grad, -means[1:2] / teacher.norm())
    long = (9 * short).detach().requires_grad_()
    nd_loss(long, teacher, means, target).backward()
    assert long.grad is not None and long.grad.abs().max() > 0.01
    assert (long.grad * long).sum().abs() < 1e-6


def test_a_class_without_a_mean_adds_one_and_no_gradient() -> None:
    student, teacher, _ = draw_step(rows=1)
    means = torch.zeros(CLASSES, WIDTH)
    value = nd_loss(student, teacher, means, torch.tensor([2]))
    assert value == 1
    value.backward()
    assert student.grad is not None and not student.grad.any()


@pytest.mark.parametrize('wrong', [-1, CLASSES])
def test_a_class_out_of_range_is_named(wrong: int) -> None:
    student, teacher, _ = draw_step(rows=2)
    with pytest.raises(ValueError) as error:
        make()(student, teacher, torch.tensor([0, wrong]))
    assert str(error.value) == (
        f'target must be from 0 to num_classes - 1, got {wrong} with '
        f'num_classes={CLASSES}; set num_classes to that of the labels, for RoIs with '
        'the background'
    )


def test_soft_labels_of_other_classes_are_named() -> None:
    student, teacher, _ = draw_step(rows=2)
    with pytest.raises(ValueError, match=r'2 rows and 4 classes, got \(2, 9\) of'):
        make()(student, teacher, torch.rand(2, 9))


def test_another_width_is_named() -> None:
    student, teacher, target = draw_step()
    with pytest.raises(ValueError, match='only the widths differ, set .*student_chann'):
        make()(student[:, :3], teacher, target)
    with pytest.raises(ValueError, match='student_channels=5'):
        make(student_channels=3)(student, teacher, target)
    with pytest.raises(ValueError, match='set teacher_channels=5'):
        make(teacher_channels=3)(student, teacher, target)


def test_a_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, torch.zeros(CLASSES, 9))
    with pytest.raises(ValueError) as error:
        make(class_means=path)
    assert str(error.value) == (
        'class_means must have num_classes=4 rows of teacher_channels=5 numbers, got '
        f'(4, 9) in {str(path)!r}; write the file with this teacher'
    )


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / 'text').write_text('no means')
    torch.save([1, 2], tmp_path / 'list.pt')
    for name in ('missing', 'text', 'list.pt'):
        with pytest.raises(ValueError, match='a file that tools/class_means.py has'):
            make(class_means=tmp_path / name)


def test_the_linear_layer_has_a_gradient_also_without_rows() -> None:
    loss = make(student_channels=3, teacher_channels=WIDTH)
    student, teacher, target = draw_step(rows=0)
    loss(student[:, :3], teacher, target).backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())


def test_a_file_of_classes_in_another_order_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, torch.rand(4, 5))
    content = dict(torch.load(path), classes=['a', 'b', 'c', 'd'])
    torch.save(content, path)
    loss = make(class_means=path)
    loss.check_classes(['a', 'b', 'c', 'd'])
    with pytest.raises(ValueError, match="student has 'c', the file has 'b'"):
        loss.check_classes(['a', 'c', 'b', 'd'])
    with pytest.raises(ValueError, match='student has 3, the file has 4'):
        loss.check_classes(['a', 'b', 'c'])


def test_a_file_without_names_is_not_checked(tmp_path: Path) -> None:
    make(class_means=write(tmp_path, torch.rand(4, 5))).check_classes(['x'])


def test_a_row_that_is_zero_in_both_models_gets_no_gradient() -> None:
    """Divided by the longer of both norms, its gradient would be 1e11."""
    student, means = torch.zeros(2, WIDTH, requires_grad=True), torch.randn(2, WIDTH)
    value = nd_loss(student, torch.zeros(2, WIDTH), means, torch.tensor([0, 1]))
    value.backward()
    assert value == 1
    assert student.grad is not None and not student.grad.any()
