"""A training loop without a runner, for runs whose student teaches itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.hooks import DistillationHook

from ..conftest import stock_model

__all__ = ['Batch', 'FillLosses', 'filled', 'started', 'train_by_hand']


class Batch:
    """One batch, the student's logits of it, and what its layers return.

    Args:
        model: The student, in training.
        batch: As a data loader gives it.
        layers: Names of the modules whose outputs are wanted.
        epoch: How many epochs are done.
    """

    def __init__(
        self, model: BaseModel, batch: Any, layers: Iterable[str], epoch: int
    ) -> None:
        data = model.data_preprocessor(batch, True)
        self.images, samples = data['inputs'], data['data_samples']
        self.labels = torch.cat([one.gt_label for one in samples])
        self.numbers = torch.tensor([one.sample_idx for one in samples])
        self.epoch, self.layers = epoch, dict[str, Tensor]()
        handles = [self._noted(model.get_submodule(name), name) for name in layers]
        self.logits: Tensor = model(self.images, mode='tensor')
        for handle in handles:
            handle.remove()

    def _noted(self, module: nn.Module, name: str) -> Any:
        def note(module: Any, args: Any, output: Tensor) -> None:
            self.layers[name] = output

        return module.register_forward_hook(note)


class FillLosses(Hook):
    """Gives losses that learn weights that a loop by hand can have as well."""

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = terms

    def before_train(self, runner: Runner) -> None:
        for hook in runner.hooks:
            if isinstance(hook, DistillationHook):
                for name in {*self.terms} & {*hook.connectors.modules}:
                    filled(hook.connectors.modules[name])


def filled(module: nn.Module) -> nn.Module:
    """It, with the same small random parameters each time."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for one in module.parameters():
            one.copy_(0.1 * torch.randn(one.shape, generator=generator))
    return module


def started(cfg: Config, folder: Path) -> Config:
    """A config whose student starts from a file of random weights."""
    torch.manual_seed(3)
    model = stock_model(cfg)
    model.init_weights()
    folder.mkdir(exist_ok=True)
    torch.save({'state_dict': model.state_dict()}, folder / 'start.pth')
    cfg.load_from = str(folder / 'start.pth')
    return cfg


def train_by_hand(
    cfg: Config,
    loss_of: Callable[[Batch], Tensor],
    *,
    layers: Iterable[str] = (),
    trained: nn.Module | None = None,
    epoch_begins: Callable[[BaseModel], None] = lambda model: None,
) -> dict[str, Tensor]:
    """Train as the config says, and return the weights at the end.

    Args:
        cfg: Made by :func:`started`.
        loss_of: What is minimised, of each batch.
        layers: See :class:`Batch`.
        trained: What is trained beside the student.
        epoch_begins: Is called with the student when an epoch begins.
    """
    model = stock_model(cfg).train()
    start = torch.load(cfg.load_from, weights_only=False)
    model.load_state_dict(start['state_dict'])
    options = dict(cfg.optim_wrapper.optimizer)
    assert options.pop('type') == 'SGD'
    beside = [] if trained is None else [*trained.parameters()]
    optimizer = torch.optim.SGD([*model.parameters(), *beside], **options)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        loader: Any = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    for epoch in range(cfg.train_cfg.max_epochs):
        loader.sampler.set_epoch(epoch)
        epoch_begins(model)
        for batch in loader:
            optimizer.zero_grad()
            loss_of(Batch(model, batch, layers, epoch)).backward()
            optimizer.step()
    return model.state_dict()
