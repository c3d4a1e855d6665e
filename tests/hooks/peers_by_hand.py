"""A training loop without a runner, for models that are trained together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from ..conftest import stock_model

__all__ = ['KeepPeers', 'Values', 'peer_of', 'train_together']

Values = dict[str, dict[str, Tensor]]
"""Logits and embeddings by model."""
NOTHING = torch.zeros(())


class KeepPeers(Hook):
    """Keeps the weights of the peers of a run, which ends without them."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self.saved = deepcopy(checkpoint)


def peer_of(cfg: Config, folder: Path, seed: int) -> dict[str, Any]:
    """A peer that starts from a file of random weights."""
    folder.mkdir(exist_ok=True, parents=True)
    torch.manual_seed(seed)
    model = stock_model(cfg)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, folder / 'peer.pth')
    whole = dict(model=cfg.model.to_dict(), default_scope=cfg.default_scope)
    return dict(config=whole, checkpoint=str(folder / 'peer.pth'), evaluate=False)


def train_together(
    cfg: Config,
    peers: Mapping[str, dict[str, Any]],
    terms_of: Callable[[Values, Tensor], Mapping[str, Tensor]],
    beside: Mapping[str, nn.Module] = {},
) -> dict[str, nn.Module]:
    """Train a student and its peers, each by an optimizer of its own.

    All make their forward of a batch first, and all their step after it.

    Args:
        cfg: Made by `started`.
        peers: Made by :func:`peer_of`, by name.
        terms_of: What each model minimises beside its own loss, by name.
        beside: What else minimises a loss of `terms_of`, and nothing but that.
    """
    models = {'student': stock_model(cfg)}
    models['student'].load_state_dict(_weights(cfg.load_from))
    for name, peer in peers.items():
        models[name] = stock_model(Config(deepcopy(peer['config'])))
        models[name].load_state_dict(_weights(peer['checkpoint']))
    options = dict(cfg.optim_wrapper.optimizer)
    assert options.pop('type') == 'SGD'
    learners: dict[str, nn.Module] = {**models, **beside}
    optimizers = {
        name: torch.optim.SGD(learner.train().parameters(), **options)
        for name, learner in learners.items()
    }
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        loader: Any = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    for epoch in range(cfg.train_cfg.max_epochs):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            own: dict[str, Tensor] = {}
            values: Values = {}
            for name, model in models.items():
                data = model.data_preprocessor(deepcopy(batch), True)
                values[name] = _values(model, data['inputs'])
                labels = torch.cat([one.gt_label for one in data['data_samples']])
                logits = values[name]['logits']
                own[name] = torch.nn.functional.cross_entropy(logits, labels)
            added = terms_of(values, labels)
            gradients = {
                name: torch.autograd.grad(
                    own.get(name, NOTHING) + added.get(name, NOTHING),
                    [*learner.parameters()],
                    retain_graph=True,
                )
                for name, learner in learners.items()
            }
            for name, learner in learners.items():
                pairs = zip(learner.parameters(), gradients[name], strict=True)
                for parameter, gradient in pairs:
                    parameter.grad = gradient
                optimizers[name].step()
    return learners


def _values(model: BaseModel, images: Tensor) -> dict[str, Tensor]:
    (maps,) = model.extract_feat(images)
    return dict(embedding=maps, logits=model.head.fc(maps))


def _weights(path: str) -> dict[str, Tensor]:
    return torch.load(path, weights_only=False)['state_dict']
