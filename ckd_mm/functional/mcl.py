"""MCL: two networks that learn from each other which samples are alike.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

from ckd_mm.functional._contrast import Contrast, contrast
from ckd_mm.functional._inputs import check_embeddings
from ckd_mm.functional._labels import check_class_indices, other_classes
from ckd_mm.functional._negatives import positive_means
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._upcast import upcast
from ckd_mm.functional._vectors import unit_vectors
from ckd_mm.functional.kd import kd_loss

__all__ = ['mcl_loss']

_Pair: TypeAlias = tuple[Tensor, Tensor]
"""Anchors and candidates, both (B, D)."""


def mcl_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    temperature: float = 0.1,
    soft_temperature: float = 3.0,
    vcl_weight: float = 0.1,
    icl_weight: float = 0.1,
    soft_vcl_weight: float = 1.0,
    soft_icl_weight: float = 1.0,
    same_image_positive: bool = False,
    diagonal_in_soft: bool = False,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Contrastive losses within and between two networks, and KL of their rows.

    With :math:`S^{mn}_{ij} = \cos(z^m_i, z^n_j) / \tau`, the positives
    :math:`P_i` of the class of i, and sg what has no gradient,

    .. math::
        C(S) &= -\frac{1}{B} \sum_i \frac{1}{|P_i|} \sum_{j \in P_i}
            \log \frac{\exp S_{ij}}{\sum_{k \ne i} \exp S_{ik}}, \\
        K(S, S') &= \frac{T^2}{B} \sum_i \mathrm{KL}\bigl(
            \mathrm{softmax}_{k \ne i}(\mathrm{sg}\,S'_{ik} / T) \,\|\,
            \mathrm{softmax}_{k \ne i}(S_{ik} / T)\bigr), \\
        L &= \alpha\,[C(S^{ss}) + C(S^{tt})] + \beta\,[C(S^{st}) + C(S^{ts})] \\
          &+ \gamma\,[K(S^{ss}, S^{tt}) + K(S^{tt}, S^{ss})]
            + \lambda\,[K(S^{st}, S^{ts}) + K(S^{ts}, S^{st})].

    The parts are vanilla (VCL) and interactive contrastive learning (ICL), and the soft
    form of each. "Mutual Contrastive Learning for Visual Representation Learning",
    arXiv:2104.12565. The authors' code has no licence: the formula is from a
    description of it, none of it was taken or run.

    The loss is the same if student and teacher change places: both are networks that
    learn, and only the targets of K are constant. A teacher that is frozen is constant
    as well. Each network's own part has the value of the authors' loss, which is the
    sum over networks.

    An image's own pair, j = i, is in no part, neither as a positive nor as a candidate.
    The authors' code keeps it in K alone: `diagonal_in_soft`. In :math:`S^{st}` it is
    the same image as the other network has it, the most natural positive:
    `same_image_positive` makes it one, which is ours.

    Args:
        student: Embeddings (B, D) of one network behind its projection, any real
            values; gets the gradient.
        teacher: The same of the other network; gets the gradient where it carries one.
        target: Class indices (B,), integers.
        temperature: tau, divides the cosines; a finite number > 0.
        soft_temperature: T, divides them again in K; a finite number > 0.
        vcl_weight: alpha, a finite number >= 0. A part of weight 0 is not computed.
        icl_weight: beta, a finite number >= 0.
        soft_vcl_weight: gamma, a finite number >= 0.
        soft_icl_weight: lambda, a finite number >= 0.
        same_image_positive: Whether the same image is a positive and a candidate
            between the networks, in C and in K.
        diagonal_in_soft: Whether the rows of K have the diagonal.
        reduction: `'mean'`, or `'none'` for the loss of each anchor, (B,), whose mean
            is the loss.

    Returns:
        The sum over both networks, the mean over rows, in nats, >= 0, of shape (). An
        anchor without a positive has no C, and counts in the mean. A single row has
        nothing to be compared with and gives 0. An empty batch gives 0 with a graph.

    Raises:
        ValueError: The embeddings are not of one shape (B, D), or `target` is not (B,)
            of integers.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mcl_loss
        >>> target = torch.tensor([0, 0, 1, 1])
        >>> apart = torch.eye(2)[target]  # classes at a right angle
        >>> mcl_loss(apart, apart, target, temperature=1.0)  # 0.4 (log(e + 2) - 1)
        tensor(0.2206)
        >>> mcl_loss(apart, apart[[0, 2, 1, 3]], target) > 1  # networks that disagree
        tensor(True)
    """
    _check(student, teacher, target)
    with upcast([(student, teacher), (teacher, student)]) as both:
        first_BD, second_BD = (unit_vectors(rows_BD) for rows_BD in both)
        rows = [(first_BD + second_BD).sum(dim=1) * 0.0]
        own = [(first_BD, first_BD), (second_BD, second_BD)]
        crossed = [(first_BD, second_BD), (second_BD, first_BD)]
        for pairs, weight, soft_weight, has_match in (
            (own, vcl_weight, soft_vcl_weight, False),
            (crossed, icl_weight, soft_icl_weight, same_image_positive),
        ):
            if weight and len(target):
                hard_B = _supervised(pairs, target, temperature, has_match)
                rows.append(weight * hard_B)
            if soft_weight and len(target):
                has_diagonal = has_match or diagonal_in_soft
                first, second = (
                    _scores(pair, temperature, has_diagonal) for pair in pairs
                )
                soft_B = _mutual(first, second, soft_temperature)
                rows.append(soft_weight * soft_B)
        return reduced(torch.stack(rows).sum(dim=0), reduction)


def _check(student: Tensor, teacher: Tensor, target: Tensor) -> None:
    check_embeddings(student, teacher)
    if student.shape != teacher.shape:
        raise ValueError(
            'the embeddings of both networks must have one width, got '
            f'{tuple(student.shape)} and {tuple(teacher.shape)}; project both to one'
        )
    check_class_indices(target, student, 'MCLLoss')


def _supervised(
    pairs: list[_Pair], target_B: Tensor, temperature: float, has_match: bool
) -> Tensor:
    """C of both networks for each anchor (B,): of the match, then of the positives."""
    options = Contrast(temperature, False, None, has_match, None, None)
    losses = []
    for anchors_BD, candidates_BD in pairs:
        against_match_B = contrast(anchors_BD, candidates_BD, options, 'none')
        means_BD, is_any_B = positive_means(candidates_BD, target_B, has_match)
        gap_B = (anchors_BD * (candidates_BD - means_BD)).sum(dim=1)
        loss_B = against_match_B + gap_B / temperature
        losses.append(torch.where(is_any_B, loss_B, 0.0))
    return torch.stack(losses).sum(dim=0)


def _scores(pair: _Pair, temperature: float, has_diagonal: bool) -> Tensor:
    """The scores of all candidates (B, B), or of all but the own one (B, B - 1)."""
    anchors_BD, candidates_BD = pair
    scores_BB = anchors_BD @ candidates_BD.T / temperature
    if has_diagonal:
        return scores_BB
    own_B1 = torch.arange(len(scores_BB), device=scores_BB.device)[:, None]
    return scores_BB.gather(1, other_classes(own_B1, len(scores_BB)))


def _mutual(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The sum (B,) of KD from each network's scores to the other's."""
    to_first_B, to_second_B = (
        kd_loss(*rows, temperature=temperature, reduction='none')
        for rows in ((first, second), (second, first))
    )
    return to_first_B + to_second_B
