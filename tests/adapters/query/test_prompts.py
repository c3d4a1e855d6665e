"""Detectors that are told their classes in words, with a tiny BERT made here."""

from __future__ import annotations

from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.models.utils import vlfuse_helper
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import nn

from ckd_mm.adapters import OneStageAdapter, QueryAdapter, find_adapter

from ..detectors import WIDTH, build, query_based
from ..pairs import pair

transformers = pytest.importorskip('transformers')

KINDS = {
    'GLIP': 'glip/glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco',
    'GLIP fused': 'glip/glip_atss_swin-t_c_fpn_dyhead_16xb2_ms-2x_funtune_coco',
    'GroundingDINO': 'grounding_dino/grounding_dino_r50_scratch_8xb2_1x_coco',
    'MMGroundingDINO': 'mm_grounding_dino/grounding_dino_swin-t_pretrain_obj365',
}
EACH = pytest.mark.parametrize('kind', KINDS)
PART = {kind: 'dense_logits' if 'GLIP' in kind else 'query_logits' for kind in KINDS}
WORDS = ('zero', 'one', 'two', 'three', 'four', 'five')
# [CLS], [SEP], the words, and a stop after each of them, in GLIP but the last
NUM_TOKENS = {kind: 2 + 2 * len(WORDS) - ('GLIP' in kind) for kind in KINDS}


@pytest.fixture(scope='module')
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp('bert'))


def make_bert(folder: Path, more: tuple[str, ...] = ()) -> Path:
    """A language model of a few words, in the form that a hub has it."""
    special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '.', '?', ',']
    words = [*special, *WORDS, *more]
    (folder / 'vocab.txt').write_text('\n'.join(words))
    tokenizer = transformers.BertTokenizerFast(str(folder / 'vocab.txt'))
    tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=768,  # which is written into GLIP
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=WIDTH,
        max_position_embeddings=256,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def told(kind: str, bert: Path, seed: int = 0) -> BaseModel:
    """A detector of :data:`KINDS`, narrow, with that language model."""
    if 'fused' in kind and vlfuse_helper.BertPreTrainedModel is object:
        pytest.skip('MMDetection takes the fusion from an older transformers')

    def narrow(model: Any) -> None:
        model.language_model.name = str(bert)
        if 'GLIP' in kind:
            model.bbox_head.update(
                lang_model_name=str(bert),
                num_classes=len(WORDS),
                num_dyhead_blocks=1,
            )
            model.neck = dict(
                type='FPN',
                in_channels=[8, 16, 32, 64],
                start_level=1,
                out_channels=256,  # it is written into the head
                num_outs=5,
            )
        else:
            model.num_queries = 12
            model.backbone.out_indices = (1, 2, 3)
            model.neck.in_channels = [16, 32, 64]
            for coder in (model.encoder, model.decoder):
                coder.num_layers = 1
            model.encoder.num_cp = 0

    detector = build(KINDS[kind], narrow, seed)
    if 'GLIP' not in kind:
        _mend(detector)
    return detector


def _mend(detector: BaseModel) -> None:
    """OneDL's 3.5.1 encodes the boxes of Grounding DINO in twice the width it takes."""
    head = detector.decoder.ref_point_head.layers[0]
    if version('onedl-mmdetection') == '3.5.1':
        detector.decoder.ref_point_head.layers[0] = nn.Linear(
            2 * head.in_features, head.out_features
        )


def batch(words: tuple[str, ...] = WORDS, second: str = '') -> dict[str, Any]:
    made = demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2], num_classes=len(words)
    )
    prompt = ' . '.join(words) + ' .'
    for sample, text in zip(
        made['data_samples'], (prompt, second or prompt), strict=True
    ):
        sample.set_metainfo(dict(text=text, custom_entities=True))
    return made


def noted(detector: BaseModel) -> list[Any]:
    outputs: list[Any] = []
    detector.bbox_head.register_forward_hook(lambda _, __, out: outputs.append(out))
    return outputs


@EACH
def test_a_twin_gives_the_same_rows_with_a_column_for_each_token(
    kind: str, bert: Path
) -> None:
    student = told(kind, bert)
    family = OneStageAdapter if 'GLIP' in kind else QueryAdapter
    assert find_adapter(student) is family
    teacher = deepcopy(student)
    on = dict(part=PART[kind], topk=10)
    given = pair(student.train(), teacher, batch(), on, 'image_index')
    assert given['student'].shape == (20, NUM_TOKENS[kind])
    assert given['student'].isfinite().all()
    assert given['image_index'].tolist() == [0] * 10 + [1] * 10
    is_close = torch.isclose(given['student'], given['teacher'], 1e-3, 1e-4).all(1)
    assert is_close.float().mean() > 0.7  # rounding changes the choice of queries
    assert given['student'].requires_grad and not given['teacher'].requires_grad


@pytest.mark.parametrize('kind', ['GLIP', 'GLIP fused'])
def test_rows_are_the_anchors_that_the_teacher_is_surest_of(
    kind: str, bert: Path
) -> None:
    student, teacher = told(kind, bert), told(kind, bert, seed=1)
    torch.nn.init.normal_(teacher.bbox_head.head.centerness.weight, std=10)
    student_outputs, teacher_outputs = noted(student), noted(teacher)
    on = dict(part='dense_logits', topk=10)
    given = pair(student.train(), teacher, batch(), on)
    logits, teacher_logits = (
        torch.cat(outputs[0][0], 1)[..., : NUM_TOKENS[kind]].detach()
        for outputs in (student_outputs, teacher_outputs)
    )
    factors = torch.cat([one.flatten(2) for one in teacher_outputs[0][2]], 2)[
        :, 0
    ].sigmoid()
    scores = teacher_logits.sigmoid().amax(2) * factors
    for image in range(2):
        best = scores[image].topk(10).indices
        rows = slice(10 * image, 10 * image + 10)
        assert_allclose(given['teacher'][rows], teacher_logits[image][best])
        assert_allclose(given['student'][rows], logits[image][best])


@pytest.mark.parametrize('kind', ['GroundingDINO', 'MMGroundingDINO'])
def test_queries_are_the_last_layers_own(kind: str, bert: Path) -> None:
    student, teacher = told(kind, bert), told(kind, bert, seed=1)
    student_outputs, teacher_outputs = noted(student), noted(teacher)
    given = pair(student.train(), teacher, batch(), 'query_logits')
    for outputs, name in ((student_outputs, 'student'), (teacher_outputs, 'teacher')):
        known = outputs[0][0][-1][:, -12:, : NUM_TOKENS[kind]].detach()
        for image in range(2):
            rows = given[name][12 * image : 12 * image + 12].detach()
            assert sorted(rows.tolist()) == sorted(known[image].tolist())


@EACH
def test_images_with_different_prompts_are_refused(kind: str, bert: Path) -> None:
    student = told(kind, bert).train()
    data = batch(second='zero . one . two . three . four . six .')
    with pytest.raises(ValueError, match="one prompt.* differ at 'five.* and 'six"):
        pair(student, told(kind, bert), data, PART[kind])
    given = pair(student, told(kind, bert), data, 'neck')
    assert len(given['student']) == len(given['teacher']) > 1


def test_teachers_that_are_told_otherwise_are_refused(
    bert: Path, tmp_path: Path
) -> None:
    student = told('GroundingDINO', bert).train()
    with pytest.raises(
        ValueError, match='told its classes in words and the teacher by'
    ):
        pair(student, query_based('DINO'), batch(), 'query_logits')
    teacher = told('GroundingDINO', make_bert(tmp_path, ('digit',)))
    with pytest.raises(ValueError, match='cut a prompt into other tokens'):
        pair(student, teacher, batch(), 'query_logits')
