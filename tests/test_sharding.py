"""Sharded modules, in a process group of one rank; `distributed` has two."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.sharding import blocks_of, is_sharded, shard, whole

from .test_random_state import draws


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_a_sharded_module_takes_and_gives_whole_tensors(one_rank: None) -> None:
    plain, sharded = network(), network()
    shard(sharded, [sharded[0]])
    sharded.load_state_dict(plain.state_dict(), strict=True)
    state = whole(sharded.state_dict())
    for name, value in plain.state_dict().items():
        assert type(state[name]) is Tensor
        assert torch.equal(state[name], value)
    rows = torch.rand(5, 3)
    assert torch.equal(sharded.eval()(rows), plain.eval()(rows))
    assert [is_sharded(plain), is_sharded(sharded)] == [False, True]


def test_a_tensor_of_another_shape_is_refused_as_in_a_plain_module(
    one_rank: None,
) -> None:
    sharded = network()
    shard(sharded)
    state = {**network().state_dict(), '0.weight': torch.rand(5, 3)}
    with pytest.raises(RuntimeError, match='size mismatch for 0.weight'):
        sharded.load_state_dict(state)


def test_sharding_draws_no_random_numbers(one_rank: None) -> None:
    module = network()
    state = torch.get_rng_state()
    before = draws()
    torch.set_rng_state(state)
    shard(module)
    assert draws()[2] == before[2]


def test_blocks_are_what_stands_in_the_outermost_lists() -> None:
    block = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    inside = nn.ModuleDict(dict(layers=nn.ModuleList([block, nn.Linear(2, 2)])))
    model = nn.ModuleDict(dict(inside=inside, stem=nn.Sequential(nn.Linear(2, 2))))
    assert [*blocks_of(model)] == [block]


class Scaled(nn.Module):
    """Has one number to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))


def test_a_single_number_is_refused_as_pytorch_does_not_shard_it(
    one_rank: None,
) -> None:
    from torch.distributed.fsdp import fully_shard

    with pytest.raises(ValueError, match='scale of Scaled is a single number'):
        shard(Scaled())
    with pytest.raises(ValueError, match="doesn't support scalar parameters"):
        fully_shard(Scaled())


def test_pytorch_copies_no_sharded_module(one_rank: None) -> None:
    """So EMAHook is refused, and channels are read from another model."""
    module = network()
    shard(module)
    with pytest.raises(AssertionError, match='does not support deepcopy'):
        deepcopy(module)


def test_pytorch_clips_no_gradients_of_whole_and_sharded_parameters(
    one_rank: None,
) -> None:
    """So losses with parameters are sharded beside a sharded student."""
    student, connector = network(), nn.Linear(2, 2)
    shard(student)
    both = [*student.parameters(), *connector.parameters()]
    connector(student(torch.rand(5, 3))).sum().backward()
    with pytest.raises(RuntimeError, match='got mixed'):
        torch.nn.utils.clip_grad_norm_(both, 1.0)
    shard(connector)
    both = [*student.parameters(), *connector.parameters()]
    for parameter in both:
        parameter.grad = None
    connector(student(torch.rand(5, 3))).sum().backward()
    norm = torch.nn.utils.clip_grad_norm_(both, 1e-3)
    assert float(norm) > 1e-3
