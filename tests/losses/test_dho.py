"""What DHOLoss does beyond the battery: the two heads that it mixes at inference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from ckd_mm.functional._dual_head import log_mixture
from ckd_mm.losses import DHOLoss

HEADS: dict[str, dict[str, Any]] = {
    'linear': dict(type='LinearClsHead', num_classes=3, in_channels=8),
    'vit': dict(type='VisionTransformerClsHead', num_classes=3, in_channels=8),
    'hidden': dict(
        type='VisionTransformerClsHead', num_classes=3, in_channels=5, hidden_dim=8
    ),
    'stacked': dict(
        type='StackedLinearClsHead', num_classes=3, in_channels=5, mid_channels=[8]
    ),
}


def student_with(head: dict[str, Any]) -> Any:
    student: Any = nn.Module()
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student.head = MODELS.build(head).eval()
    return student


@pytest.mark.parametrize('name', HEADS)
@pytest.mark.parametrize('scale', [None, 100.0])
def test_a_rebuilt_head_mixes_the_probabilities_of_both(
    name: str, scale: float | None
) -> None:
    """From config and weights, as an exported student; the second gets the rows."""
    torch.manual_seed(0)
    student: Any = student_with(HEADS[name])
    for parameter in student.parameters():
        nn.init.normal_(parameter)
    loss: Any = DHOLoss(8, 3, mixture=0.2, mixture_temperature=3.0, scale=scale)
    state = torch.get_rng_state()
    config, both = loss.at_inference(student, dict(head=HEADS[name]))['head']
    assert torch.equal(torch.get_rng_state(), state)
    assert both.head is student.head and both.linear is loss.linear
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        rebuilt: Any = MODELS.build(config).eval()
    rebuilt.load_state_dict(both.state_dict(), strict=True)
    feats = (torch.randn(4, HEADS[name]['in_channels']),)
    received: list[torch.Tensor] = []
    modules: Any = student.head.modules()
    last = [one for one in modules if isinstance(one, nn.Linear)][-1]
    last.register_forward_pre_hook(lambda _, args: received.append(args[0]))
    with torch.no_grad():
        own = student.head(feats).softmax(1)
        embedding = received[0]
        if scale is None:
            second = loss.linear(embedding)
        else:
            second = scale * loss.linear(embedding / embedding.norm(dim=1)[:, None])
        expected = 0.2 * own + 0.8 * (second / 3).softmax(1)
        assert torch.allclose(rebuilt(feats).softmax(1), expected, atol=1e-6)
        found = rebuilt.predict(feats)
    assert torch.allclose(found[0].pred_score, expected[0], atol=1e-6)


def test_a_share_of_nothing_leaves_the_other_head() -> None:
    first, second = torch.randn(2, 4, 3).unbind()
    assert torch.allclose(log_mixture(first, second, 1, 2.0), first.log_softmax(1))
    alone = log_mixture(first, second, 0, 2.0)
    assert torch.allclose(alone, (second / 2).log_softmax(1))
    far = torch.tensor([[0.0, -1e4]])
    assert log_mixture(far, far, 0.5, 1.0).isfinite().all()


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (
            dict(type='ConformerHead', num_classes=3, in_channels=[8, 8]),
            'VisionTransformerClsHead or StackedLinearClsHead, got a ConformerHead',
        ),
        (
            dict(type='LinearClsHead', num_classes=4, in_channels=8),
            'must have the same classes, got 4 of the student and 3 of the teacher',
        ),
    ],
)
def test_a_student_whose_head_cannot_be_mixed_is_refused(
    head: dict[str, Any], message: str
) -> None:
    student = student_with(head)
    with pytest.raises(ValueError, match=message):
        DHOLoss(8, 3).at_inference(student, dict(head=head))


def test_a_config_without_the_head_is_refused() -> None:
    student = student_with(HEADS['linear'])
    with pytest.raises(ValueError, match='got head=None; write the head into the conf'):
        DHOLoss(8, 3).at_inference(student, {})


def test_a_student_without_a_head_is_refused() -> None:
    with pytest.raises(
        ValueError, match='got a NoneType; take such a head, or LinearKD'
    ):
        DHOLoss(8, 3).at_inference(nn.Module(), {})
