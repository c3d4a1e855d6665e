"""A classifier of two heads (DHO), one of the labels and one of a teacher."""

from __future__ import annotations

from typing import Any

from mmengine.registry import MODELS

__all__ = ['dual_head']


@MODELS.register_module(name='DualHead')
def dual_head(**options: Any) -> Any:
    r"""A classifier's head beside a second linear layer, `head=dict(type='DualHead')`.

    .. math::
        p = a \, \mathrm{softmax}(\mathrm{head}(f)) + (1 - a) \,
            \mathrm{softmax}((W f + b) / \tau)

    The test-time mixture of "Simple yet Effective Semi-supervised Knowledge
    Distillation from Vision-Language Models via Dual-Head Optimization",
    arXiv:2505.07675. :class:`ckd_mm.losses.DHOLoss` trains the second layer, and
    `tools/export_student.py` writes this head into the config of the student. It
    returns the logarithm of p, whose softmax is p, so that all tools of MMPretrain
    take it for logits.

    Args:
        options: `head`, the config of the first head, one of MMPretrain's whose last
            layer is linear; `in_channels` and `num_classes` of the second layer;
            `mixture`, a, 0.5 by default; `mixture_temperature`, tau, 0.5 by default;
            `scale`, see `DHOLoss`; and those of MMPretrain's `ClsHead`.

    Raises:
        ModuleNotFoundError: MMPretrain is not installed.
    """
    from ckd_mm.models._dual_head import DualHead

    return DualHead(**options)
