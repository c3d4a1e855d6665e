"""What is CRD's own: its memory, its negatives, its normalisation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.distributed import last_of_each
from ckd_mm.losses import CRDLoss
from ckd_mm.losses._memory import Memory

from .modules import build_with_weights
from .samples import draw


def make(dtype: torch.dtype = torch.float64, **config: Any) -> CRDLoss:
    sizes = dict(num_samples=9, student_channels=5, teacher_channels=5)
    small = dict(embedding_channels=4, num_negatives=3)
    return build_with_weights('CRDLoss', dtype, **{**sizes, **small, **config})


def step(loss: CRDLoss, seed: int = 0, rows: int = 3) -> Tensor:
    sample = draw(rows, 5, seed=seed)
    numbers = torch.arange(rows) + seed % 3
    return loss(sample.student, sample.teacher, numbers, sample.target)


def test_negatives_are_drawn_evenly_from_the_samples_of_other_classes() -> None:
    memory = Memory(num_samples=8, channels=2, momentum=0.5)
    memory.labels[:] = torch.tensor([2, 0, 2, 1, -1, 0, 1, 2])
    target = torch.tensor([0, 1, 2, 3])
    generator = torch.Generator().manual_seed(0)
    drawn = memory.draw_negatives(target, 30_000, generator)
    for row, label in zip(drawn, target, strict=True):
        others = (memory.labels != label).nonzero()[:, 0].tolist()
        counts = torch.bincount(row, minlength=8)
        assert counts.nonzero()[:, 0].tolist() == others
        assert counts[others].float() / 30_000 == pytest.approx(
            [1 / len(others)] * len(others), abs=0.01
        )


def test_samples_of_one_class_alone_do_not_stop_it() -> None:
    memory = Memory(num_samples=3, channels=2, momentum=0.5)
    memory.labels.zero_()
    drawn = memory.draw_negatives(torch.zeros(2).long(), 50, torch.Generator())
    assert drawn.max() <= 2


def test_the_memory_moves_towards_the_embeddings_and_keeps_length_one() -> None:
    loss = make(momentum=0.25)
    before = loss.memory.student.clone(), loss.memory.teacher.clone()
    sample = draw(2, 5)
    numbers = torch.tensor([6, 1])
    loss(sample.student, sample.teacher, numbers, sample.target)
    layers = (loss.embed_student, loss.embed_teacher)
    sides = zip(layers, (sample.student, sample.teacher), before, strict=True)
    for bank, (layer, features, old) in zip(
        (loss.memory.student, loss.memory.teacher), sides, strict=True
    ):
        rows = torch.nn.functional.normalize(layer(features)).detach()
        moved = 0.25 * old[numbers] + 0.75 * rows
        expected = torch.nn.functional.normalize(moved)
        torch.testing.assert_close(bank[numbers], expected)
        others = [0, 2, 3, 4, 5, 7, 8]
        assert torch.equal(bank[others], old[others])
    assert loss.memory.labels[numbers].equal(sample.target)


def test_a_sample_that_comes_twice_is_written_once_its_last_row_wins() -> None:
    twice, once = make(momentum=0.0), make(momentum=0.0)
    sample = draw(3, 5)
    twice(sample.student, sample.teacher, torch.tensor([4, 2, 4]), sample.target)
    once(
        sample.student[1:],
        sample.teacher[1:],
        torch.tensor([2, 4]),
        sample.target[1:],
    )
    assert torch.equal(twice.memory.student, once.memory.student)
    assert torch.equal(twice.memory.teacher, once.memory.teacher)


def test_the_last_row_of_each_sample_is_found() -> None:
    """On a GPU, writing twice to one place leaves either."""
    index = torch.tensor([4, 2, 4, 7, 2, 4])
    assert last_of_each(index).tolist() == [5, 4, 5, 3, 4, 5]


def test_the_gradient_in_float32_is_that_before_the_memory_moved() -> None:
    exact, loss = make(), make(torch.float32)
    sample = draw(3, 5, seed=1)
    single = sample.student.detach().float().requires_grad_()
    others = (sample.sample_index, sample.target)
    loss(single, sample.teacher.float(), *others).backward()
    exact(sample.student, sample.teacher, *others).backward()
    assert single.grad is not None and sample.student.grad is not None
    torch.testing.assert_close(single.grad, sample.student.grad.float())


def test_the_normalisation_is_that_of_the_first_batch() -> None:
    loss = make()
    step(loss)
    means = loss.log_means.clone()
    assert means.all()
    step(loss, seed=1)
    assert torch.equal(loss.log_means, means)


def test_later_steps_have_the_whole_derivative_also_in_both_layers() -> None:
    loss = make()
    step(loss)
    saved = {name: value.clone() for name, value in loss.state_dict().items()}
    sample = draw(4, 5, seed=3)

    def value(student: Tensor, *weights: Tensor) -> Tensor:
        loss.load_state_dict(saved)
        parameters = dict(zip(dict(loss.named_parameters()), weights, strict=True))
        inputs = (student, sample.teacher, sample.sample_index, sample.target)
        return torch.func.functional_call(loss, parameters, inputs)

    weights = [p.detach().clone().requires_grad_() for p in loss.parameters()]
    assert torch.autograd.gradcheck(value, (sample.student, *weights))


def test_a_resumed_loss_goes_on_with_the_same_negatives() -> None:
    loss = make()
    values = [step(loss, seed) for seed in range(2)]
    resumed = make()
    resumed.load_state_dict(loss.state_dict())
    assert step(resumed, 2) == step(loss, 2)
    assert values[0] != step(make(), 1)
    assert loss.state_dict().keys() == resumed.state_dict().keys()
    for name, value in loss.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_the_random_numbers_of_the_training_stay_as_they_are() -> None:
    loss = make()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    step(loss)
    assert torch.equal(torch.get_rng_state(), before)


def test_steps_draw_different_negatives() -> None:
    loss = make(num_samples=1000, num_negatives=8)
    drawn = []
    for _ in range(2):
        generator = loss._generator(torch.device('cpu'))
        drawn.append(loss.memory.draw_negatives(torch.tensor([0]), 8, generator))
        step(loss)
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize('wrong', [-1, 9])
def test_a_sample_out_of_range_is_named(wrong: int) -> None:
    sample = draw(2, 5)
    with pytest.raises(ValueError) as error:
        make()(sample.student, sample.teacher, torch.tensor([3, wrong]), sample.target)
    assert str(error.value) == (
        f'sample_index must be from 0 to num_samples - 1, got {wrong} with '
        'num_samples=9; set num_samples to the length of the training set'
    )


def test_soft_labels_are_refused() -> None:
    sample = draw(2, 5)
    with pytest.raises(ValueError) as error:
        make()(sample.student, sample.teacher, sample.sample_index, torch.ones(2, 5))
    assert str(error.value) == (
        'CRDLoss needs class indices (B,) of an integer type for 2 rows, got (2, 5) of '
        'torch.float32; if these are soft labels of mixup or cutmix, remove '
        'train_cfg.augments from the config of the student'
    )


def test_another_width_is_named() -> None:
    sample = draw(2, 5)
    with pytest.raises(ValueError) as error:
        make(teacher_channels=8)(
            sample.student, sample.teacher, sample.sample_index, sample.target
        )
    assert str(error.value) == (
        'teacher_channels must be the width of the teacher embeddings, got '
        'teacher_channels=8 and embeddings (2, 5); set teacher_channels=5'
    )


def test_without_rows_every_parameter_has_a_gradient_and_nothing_is_kept() -> None:
    loss = make()
    step(loss, rows=0).backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())
    assert loss.num_steps == 0
    assert not loss.log_means.any()
