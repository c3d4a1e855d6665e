"""Detectors that are told their classes in words.

Their class logits have a column for each token of the prompt. So both models get the
student's prompt, and must cut it into the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import Any, ClassVar

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.class_logits import Pixels
from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = [
    'PROMPTS',
    'PromptedHead',
    'Tokens',
    'has_prompts',
    'num_tokens',
    'prompts_of',
    'why_other_tokens',
]

PROMPTS = Tap('language_model', 'input')
"""Where the prompts of a batch are noted."""


@dataclass(frozen=True)
class Tokens(Pixels):
    """The columns of token logits, (K, T): each token is a question of its own."""

    kind: ClassVar[str] = 'a sigmoid per token'

    def student_logits(self, rows: Tensor) -> Tensor:
        """All columns."""
        return rows

    def teacher_logits(self, rows: Tensor) -> Tensor:
        """All columns."""
        return rows


@dataclass(frozen=True)
class PromptedHead(Pass):
    """A head behind the feature maps of its model, which may take a prompt."""

    head: Any = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.head.model),)

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return (PROMPTS,) if self.head.has_prompts else ()

    def inputs(self, step: Step, made: Made) -> tuple[Any, Sequence[str]]:
        """The feature maps, and the prompts of the batch, if there are any."""
        prompts = prompts_of(step) if self.head.has_prompts else ()
        return made[FeatureMaps(self.head.model)], prompts


def has_prompts(model: BaseModel) -> bool:
    """Whether a model is told its classes in words."""
    return hasattr(model, 'language_model')


def why_other_tokens(student: BaseModel, teacher: BaseModel) -> Unavailable | None:
    """Why the tokens of two models are not the same, if so."""
    if has_prompts(student) != has_prompts(teacher):
        words = [
            'in words' if has_prompts(model) else 'by number'
            for model in (student, teacher)
        ]
        return Unavailable(
            f'the student is told its classes {words[0]} and the teacher {words[1]}; '
            "take a teacher of the same kind, or compare feature maps with on='neck'"
        )
    if not has_prompts(student):
        return None
    student_tokens, teacher_tokens = (
        (model.language_model.max_tokens, model.language_model.tokenizer.get_vocab())
        for model in (student, teacher)
    )
    if student_tokens == teacher_tokens:
        return None
    return Unavailable(
        'the language models of student and teacher cut a prompt into other tokens; '
        "take a teacher with the same, or compare feature maps with on='neck'"
    )


def prompts_of(step: Step) -> list[str]:
    """The prompts that the student got, one for each image.

    Raises:
        ValueError: They differ within the batch.
    """
    ((prompts, *_),) = step.noted(PROMPTS)
    return _same(prompts)


def num_tokens(model: BaseModel, noted: Any) -> int:
    """How many tokens the prompt of a language model has, known on the host.

    Raises:
        ValueError: The prompts differ within the batch.
    """
    prompts, *_ = noted
    language = model.language_model
    ids = language.tokenizer(_same(prompts)[0])['input_ids']
    return min(len(ids), language.max_tokens)


def _same(prompts: Sequence[str]) -> list[str]:
    if len(set(prompts)) > 1:
        start = len(commonprefix(list(prompts)))
        parts = sorted({repr(one[start : start + 20]) for one in prompts})
        raise ValueError(
            'the images of a batch must have one prompt, as the columns of the class '
            f'logits are its tokens, but these differ at {" and ".join(parts)}'
            "; compare feature maps with on='neck'"
        )
    return list(prompts)
