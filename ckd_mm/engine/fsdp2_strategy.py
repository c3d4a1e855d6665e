"""A strategy of MMEngine's FlexibleRunner that shards the student."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from mmengine._strategy import DDPStrategy, SingleDeviceStrategy
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import STRATEGIES
from mmengine.runner import weights_to_cpu
from torch import nn

from ckd_mm.distributed import world_size
from ckd_mm.sharding import blocks_of, shard, spread, whole

__all__ = ['FSDP2Strategy']


@STRATEGIES.register_module()
class FSDP2Strategy(DDPStrategy):
    """Trains with parameters, gradients and optimizer state spread over the ranks.

    ```python
    runner_type = 'FlexibleRunner'
    strategy = dict(type='FSDP2Strategy')
    ```

    PyTorch's `fully_shard` shards each block of the backbone by itself, and all other
    parameters together. Checkpoints are whole: in MMEngine's format, as a run of one
    process saves them, so that each kind of run goes on from those of the other. With
    one process nothing is sharded, and a warning says so.

    Args:
        sync_bn: 'torch' or 'mmcv': synchronise the statistics of BatchNorms.
        kwargs: What all strategies of MMEngine take.

    Raises:
        ValueError: `model_wrapper` is given, as there is no wrapper.
    """

    def __init__(self, *, sync_bn: str | None = None, **kwargs: Any) -> None:
        if kwargs.get('model_wrapper') is not None:
            raise ValueError(
                'FSDP2Strategy shards the model in place and has no model_wrapper, got '
                f'{kwargs["model_wrapper"]!r}; leave it out'
            )
        super().__init__(sync_bn=sync_bn, **kwargs)

    def model_state_dict(self) -> dict[str, Any]:
        """The weights under the model's own names, whole; all ranks must ask."""
        state = self.model.state_dict()
        for name, value in state.items():
            state[name] = whole(value)
        return weights_to_cpu(state)

    def optim_state_dict(self) -> dict[str, Any]:
        """The state of the optimizer, whole; all ranks must ask."""
        return whole(super().optim_state_dict())

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the whole state of an optimizer."""
        groups = self.optim_wrapper.optimizer.param_groups
        parameters = [one for group in groups for one in group['params']]
        for number, values in state_dict['state'].items():
            like = parameters[number]
            for name, value in values.items():
                if hasattr(like, 'placements') and value.shape == like.shape:
                    values[name] = spread(value, like)
        super().load_optim_state_dict(state_dict)

    def save_checkpoint(
        self,
        filename: str,
        *,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        extra_ckpt: dict[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Save a whole checkpoint: all ranks gather, the first one writes."""
        if is_main_process():
            SingleDeviceStrategy.save_checkpoint(
                self,
                filename,
                save_optimizer=save_optimizer,
                save_param_scheduler=save_param_scheduler,
                extra_ckpt=extra_ckpt,
                callback=callback,
            )
            return
        # what that does, in its order, up to the file
        checkpoint = {**(extra_ckpt or {}), 'state_dict': self.model_state_dict()}
        if save_optimizer and hasattr(self, 'optim_wrapper'):
            checkpoint['optimizer'] = self.optim_state_dict()
        if callback is not None:
            callback(checkpoint)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        """Shard the model, whose weights are equal on all ranks by now."""
        if world_size() == 1:
            print_log(
                'FSDP2Strategy shards nothing in a run of one process; start several '
                'with --launcher pytorch',
                logger='current',
                level=logging.WARNING,
            )
            return revert_sync_batchnorm(model).to(get_device())
        model = self.convert_model(model.to(get_device()))
        backbone = getattr(model, 'backbone', None)
        shard(model, [] if backbone is None else blocks_of(backbone))
        return model
