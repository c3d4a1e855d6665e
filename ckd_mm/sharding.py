"""Models whose parameters are spread over the ranks, by PyTorch's FSDP2.

Each rank keeps a share of every parameter. The parameters of a block are gathered while
it runs, so its outputs are whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.utils import apply_to
from torch import Tensor, nn

from ckd_mm.distributed import world_size
from ckd_mm.random_state import preserved_random_state

__all__ = ['blocks_of', 'is_sharded', 'shard', 'spread', 'whole']


def shard(
    module: nn.Module,
    blocks: Iterable[nn.Module] = (),
    *,
    device: torch.device | None = None,
    frozen: bool = False,
) -> None:
    """Spread the parameters of a module over all ranks, in place.

    The parameters become other objects, so an optimizer is built afterwards. A whole
    state, as a stock checkpoint has it, can be loaded as before. Random states stay as
    they are.

    Args:
        module: It is equal on all ranks, and runs by being called.
        blocks: Modules in it that are gathered one by one, and run by being called; all
            other parameters are gathered together.
        device: Where it runs; `None` is where it is.
        frozen: It runs without gradient: its parameters are let go after each forward.

    Raises:
        ValueError: This PyTorch has no FSDP2, or a parameter has no dimension.
    """
    try:
        from torch.distributed.fsdp import fully_shard
    except ImportError as error:
        raise ValueError(
            'sharding needs fully_shard of torch.distributed.fsdp, which PyTorch has '
            'from version 2.6 on'
        ) from error
    from torch.distributed.device_mesh import init_device_mesh

    _check(module)
    device = device or next(module.parameters()).device
    options: dict[str, Any] = dict(reshard_after_forward=True) if frozen else {}
    with preserved_random_state():
        options['mesh'] = init_device_mesh(device.type, (world_size(),))
        for unit in [*blocks, module]:
            fully_shard(unit, **options)
    for part in module.modules():
        # after those of the model, which rename or resize whole tensors
        part.register_load_state_dict_pre_hook(_spread_state)


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules that stand in lists, such as the blocks of a transformer.

    Single layers in a list are too small to be gathered alone.
    """
    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.Sequential)):
            yield from (one for one in child if _is_block(one))
        else:
            yield from blocks_of(child)


def is_sharded(module: nn.Module) -> bool:
    """Whether a module, or a part of it, is sharded."""
    return any(hasattr(one, 'set_requires_gradient_sync') for one in module.modules())


def whole(state: Any) -> Any:
    """A state with whole tensors in it on the CPU; all ranks must ask for it.

    Args:
        state: Dicts and lists of values, some of which are sharded tensors.
    """
    return apply_to(state, _is_spread, lambda value: value.full_tensor().cpu())


def spread(value: Tensor, like: Any) -> Any:
    """A whole tensor, sharded as another one; all ranks must ask for it.

    Args:
        value: The same on all ranks.
        like: A sharded tensor.
    """
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(
        value.to(like.device), like.device_mesh, list(like.placements)
    )


def _is_block(module: nn.Module) -> bool:
    """Whether it has layers inside, and something to shard."""
    return bool([*module.children()]) and bool([*module.parameters()])


def _is_spread(value: Any) -> bool:
    return hasattr(value, 'full_tensor')


def _check(module: nn.Module) -> None:
    """Check that FSDP2 can shard all parameters."""
    for name, parameter in module.named_parameters():
        if parameter.dim() == 0:
            raise ValueError(
                f'{name} of {type(module).__name__} is a single number, which FSDP2 '
                'does not shard'
            )


def _spread_state(
    module: nn.Module, state: dict[str, Any], prefix: str, *args: Any
) -> None:
    """Shard the whole tensors of a state that is about to be loaded."""
    for name, parameter in module.named_parameters(recurse=False):
        value = state.get(prefix + name)
        if _is_spread(parameter) and value is not None and not _is_spread(value):
            state[prefix + name] = spread(value, parameter)
