"""What LinearKDLoss does beyond the battery."""

from __future__ import annotations

import pytest
import torch

from ckd_mm.losses import LinearKDLoss


def test_the_layer_learns_the_teachers_classes() -> None:
    torch.manual_seed(0)
    embedding, teacher = torch.randn(32, 8), torch.randn(8, 3)
    loss = LinearKDLoss(student_channels=8, teacher_channels=3)
    logits = 4 * embedding @ teacher
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss(embedding, logits).backward()
        optimizer.step()
    assert loss.statistics(embedding, logits)['top1_agreement'] > 0.95
    assert loss(embedding, logits) < 0.05


@pytest.mark.parametrize(
    ('embedding', 'logits', 'message'),
    [
        (7, 3, 'student_channels must be the width of the student embeddings'),
        (8, 4, 'teacher_channels must be the width of the teacher embeddings'),
    ],
)
def test_other_widths_are_named(embedding: int, logits: int, message: str) -> None:
    loss = LinearKDLoss(student_channels=8, teacher_channels=3)
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(2, embedding), torch.zeros(2, logits))
