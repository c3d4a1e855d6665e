"""ScaleKD beside what all losses with parameters share."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.losses import ScaleKDLoss
from ckd_mm.losses._cross_attention import CrossAttention

from .references_scalekd import reference_scalekd


def both_maps(student: tuple[int, ...], teacher: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, *student), (2, 4, *teacher)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def test_maps_of_different_sizes_have_the_loss_of_a_slow_loop() -> None:
    """Both models' maps have padding, which covers another share of their positions."""
    loss: Any = ScaleKDLoss(3, 4, num_heads=2, query_hw=(3, 5)).double()
    maps = both_maps((4, 6), (7, 3))
    padding: Any = [(40, 48), (26, 30)], (40, 48)
    value = loss(*maps, *padding)
    torch.testing.assert_close(
        value, reference_scalekd(deepcopy(loss), *maps, *padding)
    )
    assert value != loss(*maps)


def test_the_attention_is_pytorchs_with_the_scores_scaled() -> None:
    ours, usual = (
        CrossAttention(3, 8, 2, 1.0),
        nn.MultiheadAttention(8, 2, kdim=3, vdim=3, batch_first=True),
    )
    with torch.no_grad():
        for name in ('query', 'key', 'value'):
            weight = getattr(usual, f'{name[0]}_proj_weight')
            weight.copy_(getattr(ours, name).weight)
        biases = ours.query.bias, torch.zeros(8), ours.value.bias
        usual.in_proj_bias.copy_(torch.cat(biases))
        usual.out_proj.load_state_dict(ours.output.state_dict())
    query, keys = torch.randn(1, 5, 8), torch.randn(2, 6, 3)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    expected, _ = usual(query.expand(2, -1, -1), keys, keys, key_padding_mask=~mask)
    torch.testing.assert_close(ours(query, keys, mask), expected)
    sharper = CrossAttention(3, 8, 2, 5.0)
    sharper.load_state_dict(ours.state_dict())
    ours.query.weight.data *= 5
    ours.query.bias.data *= 5
    torch.testing.assert_close(sharper(query, keys, None), ours(query, keys, None))


@pytest.mark.parametrize('left_out', ['spatial', 'frequency'])
def test_a_term_of_weight_zero_has_no_projector(left_out: str) -> None:
    without: Any = {f'{left_out}_weight': 0.0}
    loss: Any = ScaleKDLoss(3, 4, **without)
    (term,) = {'spatial', 'frequency'} - {left_out}
    assert [*loss.projectors[0]] == [term]


def test_two_weights_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match='spatial_weight and frequency_weight are all'):
        ScaleKDLoss(3, 4, spatial_weight=0, frequency_weight=0)


def test_a_constant_of_the_teachers_channels_has_no_frequency() -> None:
    loss = ScaleKDLoss(3, 4, spatial_weight=0.0).double()
    student, teacher = both_maps((4, 6), (5, 3))
    constant = torch.arange(4.0)[:, None, None]
    value = loss(student, teacher)
    torch.testing.assert_close(loss(student, teacher + constant), value)
    assert value > 0


@pytest.mark.parametrize(
    ('channels', 'heads'), [(1536, 24), (1000, 10), (100, 1), (3, 1)]
)
def test_heads_have_64_channels_or_more_by_default(channels: int, heads: int) -> None:
    with torch.device('meta'):
        loss: Any = ScaleKDLoss(2, channels)
    assert loss.projectors[0]['spatial'].attention.num_heads == heads


def test_the_last_of_two_stages_has_no_queries_and_asks_for_the_teachers() -> None:
    loss: Any = ScaleKDLoss([3, 3], [4, 4], through_teacher=True)
    first, last = loss.projectors
    assert {one.query is None for one in last.values()} == {True}
    assert {one.query is None for one in first.values()} == {False}
    assert loss.also_needs == ('image_shapes', 'image_size', 'last_stage')


def test_one_level_is_refused_where_two_stages_are_needed() -> None:
    with pytest.raises(ValueError, match="got 1 level.*; compare on='last_stages'"):
        ScaleKDLoss(3, 4, through_teacher=True)


def test_padding_is_asked_for_unless_the_config_says_otherwise() -> None:
    assert ScaleKDLoss(3, 4).also_needs == ('image_shapes', 'image_size')
    assert ScaleKDLoss(3, 4, ignore_padding=False).also_needs == ()
