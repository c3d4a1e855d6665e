"""Rows that count differently, against loops by hand over a toy's rows."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from ckd_mm.engine.sample_weights import SampleWeights, build_sample_weights
from ckd_mm.losses import CKDLoss, KDLoss
from ckd_mm.registry import WEIGHERS
from ckd_mm.weighers import ClassWeight, ConfidenceGate, FocalWeight, IPWDWeight

from .weighing import CLASSES, LR, WIDTH, batches, build, toy, train

STEPS = 4
TEMPERATURE = 2.0
NAMES = [*'abcd']


def softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(one) for one in logits]
    return [one / sum(powers) for one in powers]


def standardized(logits: list[float]) -> list[float]:
    mean = sum(logits) / len(logits)
    squares = sum((one - mean) ** 2 for one in logits)
    deviation = (squares / (len(logits) - 1)) ** 0.5
    return [(one - mean) / (deviation + 1e-7) for one in logits]


Row = dict[str, Any]
"""The logits of student, teacher and second head, and the label of one row."""


def gate(row: Row) -> float:
    return 1.0 if max(softmax(row['teacher'])) >= 0.6 else 0.25


def correct(row: Row) -> float:
    return 1.0 if row['teacher'].index(max(row['teacher'])) == row['label'] else 0.0


def focal(row: Row) -> float:
    return (1 - softmax(row['student'])[row['label']]) ** 1.5


def by_class(row: Row) -> float:
    return {0: 1.0, 1: 3.0, 2: 0.5, 3: 1.0}[row['label']]


def ipwd(row: Row) -> float:
    own, distilled = (
        -math.log(softmax(standardized(row[which]))[row['label']])
        for which in ('second', 'student')
    )
    return 1 + own / distilled


def both(row: Row) -> float:
    return gate(row) * by_class(row)


GATE = dict(type='ConfidenceGate', threshold=0.6, otherwise=0.25)
BY_CLASS = dict(type='ClassWeight', weights=dict(b=3.0, c=0.5))
MODES: dict[str, tuple[Any, Any, bool]] = {
    'gate': (GATE, gate, False),
    'gate, mean 1': (GATE | dict(normalize=True), gate, True),
    'correct': (dict(type='CorrectnessGate'), correct, False),
    'focal': (dict(type='FocalWeight', gamma=1.5), focal, False),
    'class': (BY_CLASS, by_class, False),
    'classes in order': (
        dict(type='ClassWeight', weights=[1.0, 3.0, 0.5, 1.0]),
        by_class,
        False,
    ),
    'ipwd': (
        dict(type='IPWDWeight', in_channels=WIDTH, num_classes=CLASSES),
        ipwd,
        True,
    ),
    'two': ([GATE, BY_CLASS], both, False),
}


def train_by_hand(
    student: ImageClassifier, weigh: Any, second: nn.Linear, normalize: bool
) -> None:
    """One row after the other; the second head gets the gradient of its own loss."""
    teacher = toy(seed=1)
    parameters = [*student.parameters(), *second.parameters()]
    for batch in batches(STEPS):
        total = torch.zeros((), dtype=torch.float64)
        rows, values = [], []
        for image, sample in zip(*batch.values(), strict=True):
            embedding, of_teacher = (
                model.backbone.conv(image[None]).relu().mean(dim=(2, 3))[0]
                for model in (student, teacher)
            )
            logits = student.head.fc(embedding)
            wanted = teacher.head.fc(of_teacher).detach()
            own = second(embedding.detach())
            label = int(sample.gt_label)
            total = total - (logits.log_softmax(0) + own.log_softmax(0))[label]
            row = dict(student=logits, teacher=wanted, second=own)
            rows.append({key: value.tolist() for key, value in row.items()})
            rows[-1]['label'] = label
            targets = softmax([one / TEMPERATURE for one in wanted.tolist()])
            log_p = (logits / TEMPERATURE).log_softmax(0)
            values.append(
                sum(
                    target * (math.log(target) - log_p[one])
                    for one, target in enumerate(targets)
                )
            )
        weights = [weigh(row) for row in rows]
        mean = sum(weights) / len(weights) if normalize else 1.0
        for weight, value in zip(weights, values, strict=True):
            total = total + weight / mean * value * TEMPERATURE**2
        for parameter in parameters:
            parameter.grad = None
        (total / len(rows)).backward()
        with torch.no_grad():
            for parameter in parameters:
                parameter -= LR * parameter.grad


@pytest.mark.parametrize('mode', MODES)
def test_after_some_steps_weights_are_those_of_a_loop_over_rows(mode: str) -> None:
    config, weigh, normalize = MODES[mode]
    student = toy(seed=0)
    by_hand, stock = deepcopy(student), deepcopy(student)
    _, term = build(stock, config)
    weighers: Any = term.sample_weight.weighers  # type: ignore[union-attr]
    heads = [one.head for one in weighers if hasattr(one, 'head')]
    second = deepcopy(heads[0]) if heads else nn.Linear(WIDTH, CLASSES).double()
    trained, _ = train(student, config, STEPS)
    train_by_hand(by_hand, weigh, second, normalize)
    for name, value in student.state_dict().items():
        torch.testing.assert_close(value, by_hand.state_dict()[name])
        assert not torch.equal(value, stock.state_dict()[name])
    if heads:
        weighers = trained.sample_weight.weighers  # type: ignore[union-attr]
        state = weighers[0].head.state_dict()
        for name, value in state.items():
            torch.testing.assert_close(value, second.state_dict()[name])


def test_what_is_logged_is_the_mean_weight_before_it_is_normalised() -> None:
    _, logged = train(toy(seed=0), MODES['two'][0], 1)
    assert 0.25 < logged[0]['kd_sample_weight'] < 3.0
    assert 'loss_kd_sample_weight' not in logged[0]
    _, logged = train(toy(seed=0), MODES['ipwd'][0], 1)
    assert logged[0]['kd_sample_weight'] > 1.0
    total = sum(value for key, value in logged[0].items() if key[:5] == 'loss_')
    assert logged[0]['loss'].item() == pytest.approx(total.item())


def test_a_term_of_weight_0_trains_neither_the_student_nor_the_second_head() -> None:
    student, stock = toy(seed=0), toy(seed=0)
    term, logged = train(student, MODES['ipwd'][0], STEPS, loss_weight=0.0)
    _, untrained = build(stock, MODES['ipwd'][0])
    assert logged[0]['loss_kd_sample_weight'] == 0
    for ours, theirs in zip(
        term.sample_weight.parameters(),  # type: ignore[union-attr]
        untrained.sample_weight.parameters(),  # type: ignore[union-attr]
        strict=True,
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('normalize', [False, True])
def test_if_no_row_counts_the_loss_is_0_with_a_finite_gradient(normalize: bool) -> None:
    config = GATE | dict(threshold=0.9999, otherwise=0.0, normalize=normalize)
    student = toy(seed=0)
    distiller, _ = build(student, config)
    with distiller.attached():
        losses = student(**batches(1)[0], mode='loss')
    assert losses['loss_kd'] == 0
    losses['loss_kd'].backward()
    assert all(one.grad.eq(0).all() for one in student.parameters())


def logits(rows: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = 3 * torch.randn(3, rows, CLASSES, generator=generator)
    return dict(
        student=found[0].to(dtype).requires_grad_(),
        teacher=found[1].to(dtype),
        student_embedding=found[2].to(dtype),
        target=torch.arange(rows) % CLASSES,
        assigned_class=torch.arange(rows) % CLASSES,
    )


def each_weigher() -> list[nn.Module]:
    torch.manual_seed(0)
    by_class = ClassWeight(dict(a=2.0, d=0.5))
    by_class.check_classes(NAMES)
    return [
        ConfidenceGate(0.5, normalize=True),
        FocalWeight(normalize=True),
        by_class,
        IPWDWeight(CLASSES, CLASSES),
    ]


def weighed(given: dict[str, Tensor], loss: nn.Module | None = None) -> Any:
    rows = (loss or KDLoss())(given['student'], given['teacher'], reduction='none')
    return SampleWeights(each_weigher())(rows, given)


def test_without_rows_it_is_0_with_a_graph() -> None:
    given = logits(0)
    found = weighed(given)
    assert found.loss == 0 == found.own_loss
    (found.loss + found.own_loss).backward()
    assert given['student'].grad is not None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_weighed_in_float32(dtype: torch.dtype) -> None:
    """4096 weights of 1 sum to 2048 in float16, and to 256 in bfloat16."""
    given = logits(4096, dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = weighed(given)
    wide = {
        key: value.detach().float() if value.is_floating_point() else value
        for key, value in given.items()
    }
    expected = weighed(wide)
    assert found.loss.dtype == torch.float32
    for value, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(value, wanted)


def test_ckd_weighs_anchors_and_keeps_all_negatives() -> None:
    given = logits(6)
    config = dict(type='ClassWeight', weights=[1.0, 0.0, 0.0, 0.0])
    weights = build_sample_weights(config, CKDLoss)
    assert weights is not None
    rows = CKDLoss()(given['student'], given['teacher'], reduction='none')
    found = weights(rows, given)
    torch.testing.assert_close(found.loss, (rows[0] + rows[4]) / 6)
    found.loss.backward()
    assert given['student'].grad.abs().sum(dim=1).gt(0).all()  # type: ignore[union-attr]


def test_soft_labels_have_the_mean_weight_of_their_classes() -> None:
    given = logits(2) | dict(
        assigned_class=torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0, 1.0]])
    )
    weigher = ClassWeight([1.0, 3.0, 0.0, 0.5])
    found = weigher(given['student'], given['teacher'], given['assigned_class'])
    assert found.tolist() == [2.0, 0.5]


class Undecided(nn.Module):
    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return student.softmax(dim=1)[:, 0]


def test_nothing_goes_back_through_weights() -> None:
    given = logits(5)
    student = given['student']
    rows = KDLoss()(student, given['teacher'], reduction='none')
    found = SampleWeights([Undecided()])(rows, given).loss
    weights = student.detach().softmax(dim=1)[:, 0]
    expected = (rows * weights).mean()
    gradients = [
        torch.autograd.grad(value, student, retain_graph=True)[0]
        for value in (found, expected)
    ]
    torch.testing.assert_close(*gradients)


class OnePerClass(nn.Module):
    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return teacher[0]


def test_a_weigher_that_gives_something_else_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(WEIGHERS.module_dict, 'OnePerClass', OnePerClass)
    student = toy(seed=0)
    distiller, _ = build(student, dict(type='OnePerClass'))
    message = r"term 'kd': OnePerClass must give a weight for each of 6 rows .*\(4,\)"
    with distiller.attached(), pytest.raises(ValueError, match=message):
        student(**batches(1)[0], mode='loss')
