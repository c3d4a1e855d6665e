"""The decoder of a detector with queries, which answers given queries once more."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.query.heads import QueryHead

__all__ = ['QueryDecoder']

_NAMES = {
    'key': 'memory',
    'value': 'memory',
    'key_pos': 'memory_pos',
    'key_padding_mask': 'memory_mask',
}
"""Arguments of decoders and of `forward_decoder`, where the names differ."""


class QueryDecoder:
    """The decoder and the head of a model.

    Args:
        head: The head; the decoder is the `decoder` of its model.
    """

    inputs = Tap('decoder', 'keywords')
    """Where it is noted what the decoder gets."""

    def __init__(self, head: QueryHead) -> None:
        self.head = head

    @property
    def num_layers(self) -> int:
        """The number of layers whose queries the head sees."""
        return self.head.num_layers

    @property
    def has_content(self) -> bool:
        """Whether queries begin with contents rather than with zeros."""
        names = inspect.signature(self.head.model.forward_decoder).parameters
        patterns = getattr(self.head.model, 'num_patterns', 0)
        return 'reference_points' in names or bool(patterns)

    @property
    def width(self) -> int:
        """The numbers of a query that both decoders must have as many of.

        Those of DAB-DETR's anchors, of queries of other models all channels.
        """
        model = self.head.model
        is_anchor = hasattr(model, 'query_dim') and not self.has_content
        return model.query_dim if is_anchor else model.embed_dims

    @property
    def why_no_random_points(self) -> str | None:
        """Why the decoder cannot be asked about reference points alone, if so."""
        model = self.head.model
        if hasattr(model, 'query_dim'):
            patterns = 'each of its anchors has several patterns (num_patterns)'
            return patterns if self.has_content else None
        if not self.has_content or hasattr(model, 'reference_points_fc'):
            return 'it makes the reference points of its learned queries'
        if getattr(model, 'query_embedding', None) is None:
            return 'its queries are what its encoder says of each reference point'
        return None

    def answer(self, inputs: Mapping[str, Any], queries: Mapping[str, Tensor]) -> None:
        """Run decoder and head on given queries and on the memory of the step.

        Args:
            inputs: What the decoder got for these images.
            queries: Are taken in place of the queries among that.
        """
        given = {name: one.to(inputs[name].dtype) for name, one in queries.items()}
        if not self.has_content:
            width = inputs['query'].shape[-1]
            given['query'] = inputs['query'].new_zeros(*given['query'].shape[:2], width)
        model = self.head.model
        named = {_NAMES.get(name, name): value for name, value in inputs.items()}
        known = inspect.signature(model.forward_decoder).parameters
        given = {name: one for name, one in (named | given).items() if name in known}
        with _as_in_a_test(model, given['query'].shape[1]):
            model.bbox_head(**model.forward_decoder(**given))


@contextmanager
def _as_in_a_test(model: BaseModel, number: int) -> Iterator[None]:
    """Have DDQ's decoder and head take no dense queries, as they do in training.

    Only these two modules are told so, not the layers inside.
    """
    cache = getattr(model, 'cache_dict', None)
    if cache is None:
        yield
        return
    kept = dict(cache), [model.decoder.training, model.bbox_head.training]
    try:
        cache['dis_query_info'] = [0, number]
        model.decoder.training = model.bbox_head.training = False
        yield
    finally:
        cache.clear()
        cache.update(kept[0])
        model.decoder.training, model.bbox_head.training = kept[1]
