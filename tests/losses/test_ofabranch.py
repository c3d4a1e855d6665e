"""What OFABranchLoss does beyond the battery: its two branches, in real students."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.losses import OFABranchLoss
from ckd_mm.teachers import ModelTeacher

from ..adapters.test_tokens import vit
from .references_branches import reference_ofabranch


@pytest.mark.parametrize(
    ('stage', 'blocks'),
    [(1, 3), (2, 2), (3, 1), (4, 0)],
)
def test_a_cnn_branch_brings_a_stage_to_the_size_of_the_last(
    stage: int, blocks: int
) -> None:
    """Parameters by hand, of 8 channels in the stage, 32 at the end and 10 classes."""
    loss: Any = OFABranchLoss(8, 10, stage, width=32)
    side = 2 ** (6 - stage)
    maps = torch.randn(2, 8, side, side)
    assert loss.branch.blocks(maps).shape == (2, 32, 4, 4)
    widths = [8 * 2**one for one in range(blocks)] + [32]
    by_hand = 32 * 10 + 10 + (8 * 32 + 32 if stage == 4 else 0)
    for narrow, wide in zip(widths[:-1], widths[1:], strict=True):
        by_hand += 9 * narrow + narrow**2 + 2 * narrow  # stride 2
        by_hand += 9 * narrow + narrow * wide + 2 * wide
    assert sum(one.numel() for one in loss.parameters()) == by_hand


def test_the_last_of_several_merges_has_no_activation() -> None:
    torch.manual_seed(0)
    loss: Any = OFABranchLoss(4, 5, 3, branch='tokens', num_merges=2).double()
    maps, teacher = torch.randn(2, 4, 4, 4).double(), torch.randn(2, 5).double()
    target = torch.tensor([1, 4])
    by_hand = reference_ofabranch(loss, maps, teacher, target)
    torch.testing.assert_close(loss(maps, teacher, target), by_hand)


def test_a_grid_that_cannot_be_halved_is_refused() -> None:
    loss = OFABranchLoss(8, 10, 3, branch='tokens', num_merges=2)
    with pytest.raises(ValueError, match='multiples of 4, got .*; set another num_mer'):
        loss(torch.zeros(1, 8, 6, 8), torch.zeros(1, 10), torch.tensor([0]))


def test_widths_that_the_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match='a multiple of 4, got 6; take another map'):
        OFABranchLoss(6, 10, 3, branch='tokens')


def test_branches_of_a_vit_train_the_blocks_in_front_of_them(imported: None) -> None:
    student, options = vit(), dict(type='OFABranchLoss', branch='tokens', num_merges=0)
    widths = dict(student_channels=16, teacher_channels=10)
    terms = {
        f'stage{stage}': dict(
            on=dict(student=f'tokens:{block}', teacher='logits'),
            loss=dict(options, stage=stage, **widths),
        )
        for stage, block in ((1, 0), (3, 1))
    }
    teacher = ModelTeacher(deepcopy(student).eval().requires_grad_(False))
    distiller = Distiller(student, [teacher], build_terms(terms))
    samples = [DataSample().set_gt_label(label) for label in range(2)]
    batch = dict(inputs=torch.randn(2, 3, 16, 24), data_samples=samples)
    with distiller.attached():
        losses = student.train()(**batch, mode='loss')
    losses['loss_stage1'].backward()
    trained = [one.attn.qkv.weight.grad is not None for one in student.backbone.layers]
    assert trained == [True, False, False]
    assert losses['loss_stage3'] > 0
