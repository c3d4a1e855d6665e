"""Shared queries: what both decoders answer, by hand and in a step."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters.query.questions import random_points

from ..detectors import QUERY, masked_queries, one_stage, query_based
from ..pairs import pair
from .test_query import batch

LOGITS, BOXES = 'shared_query_logits', 'shared_query_boxes'


def calls_of(module: Any) -> list[Any]:
    calls: list[Any] = []
    module.register_forward_hook(lambda *_: calls.append(1))
    return calls


def before_decoder(model: BaseModel, data: dict[str, Any]) -> tuple[dict, dict]:
    """What the encoder gives, and with it what `forward_decoder` takes beside that."""
    samples = data['data_samples']
    encoder, decoder = model.pre_transformer(
        model.extract_feat(data['inputs']), samples
    )
    return model.forward_encoder(**encoder), decoder


def queries_by_hand(model: BaseModel, data: dict[str, Any], number: int | None) -> dict:
    """The teacher's queries; or random points, whose content is the teacher's."""
    found, _ = model.pre_decoder(**before_decoder(model, data)[0])
    names = {'query', 'query_pos', 'reference_points'} & set(found)
    given = {name: found[name] for name in names}
    if number:
        points = random_points(number, 4, epoch=0.75).expand(2, -1, -1)
        name = 'reference_points' if 'reference_points' in given else 'query_pos'
        given[name] = points.sigmoid() if name == 'reference_points' else points
        given['query'] = given['query'][:, :number]
    return given


def answers_by_hand(model: BaseModel, data: dict[str, Any], queries: dict) -> Tensor:
    """Class logits and boxes of each query, (K, 4 + C), image by image."""
    found = []
    for image in range(2):
        one = dict(
            inputs=data['inputs'][image : image + 1],
            data_samples=data['data_samples'][image : image + 1],
        )
        encoded, decoder = before_decoder(model, one)
        asked = {name: value[image : image + 1] for name, value in queries.items()}
        known = dict(decoder, memory=encoded['memory'], **asked)
        found.append(torch.cat(model.bbox_head(**model.forward_decoder(**known)), -1))
    rows = [layer for layers in zip(*found, strict=True) for layer in layers]
    return torch.cat(rows).flatten(0, 1)


def corners(boxes: Tensor) -> Tensor:
    x, y, w, h = boxes.unbind(1)
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)


def gradients(model: BaseModel, value: Tensor) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    (value * torch.randn(value.shape, generator=generator)).sum().backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    for parameter in model.parameters():
        parameter.grad = None
    return found


def read(part: str, rows: Tensor) -> Tensor:
    return rows[:, :10] if part == LOGITS else corners(rows[:, 10:])


@pytest.mark.parametrize('kind', ['DABDETR', 'DINO'])
@pytest.mark.parametrize('number', [None, 5])
def test_values_and_gradients_are_those_of_both_models_by_hand(
    kind: str, number: int | None
) -> None:
    """The student has other queries; it is asked the teacher's, or random points."""
    student, teacher = query_based(kind, 9).train(), query_based(kind, 12, seed=1)
    data = student.data_preprocessor(batch(), True)
    before = deepcopy(teacher.state_dict())
    with torch.no_grad():
        queries = queries_by_hand(teacher, data, number)
        expected = answers_by_hand(teacher, data, queries)
    images = [0] * (number or 12) + [1] * (number or 12)
    for part in (LOGITS, BOXES):
        on = dict(part=part, queries='random' if number else 'teacher', number=number)
        context = ('image_index', 'scores')
        given = pair(student, teacher, batch(), on, *context, epoch=0.75)
        by_hand = read(part, answers_by_hand(student, data, queries))
        scores = expected[:, :10].sigmoid().amax(1)
        assert_allclose(given['student'], by_hand, rtol=1e-4, atol=1e-5)
        assert_allclose(given['teacher'], read(part, expected), rtol=1e-4, atol=1e-5)
        assert_allclose(given['scores'], scores, rtol=1e-4, atol=1e-5)
        assert given['image_index'].tolist() == 2 * images
        wanted, found = (gradients(student, v) for v in (by_hand, given['student']))
        assert any('backbone' in name for name in wanted)
        for name, gradient in wanted.items():
            got = found.get(name, torch.zeros_like(gradient))
            assert_allclose(got, gradient, rtol=1e-3, atol=1e-5)
    after = teacher.state_dict()
    assert all(value.equal(after[name]) for name, value in before.items())


@pytest.mark.parametrize('kind', QUERY)
def test_a_twin_gives_the_same_answers_without_a_second_encoder(kind: str) -> None:
    student = query_based(kind).train()
    teacher = deepcopy(student)
    state = deepcopy(student.state_dict())
    calls = {name: calls_of(getattr(student, name)) for name in ('encoder', 'decoder')}
    of_teacher = calls_of(teacher.decoder)
    given = pair(student, teacher, batch(), LOGITS, 'scores')
    assert given['student'].shape == (48, 11 if kind == 'DETR' else 10)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert given['student'].requires_grad and not given['teacher'].requires_grad
    assert len(calls['encoder']) == 1 and len(calls['decoder']) == 2
    assert len(of_teacher) == 1
    assert student.decoder.training and student.bbox_head.training
    after = student.state_dict()  # in which a stock step of DDQ has more names
    assert all(one.equal(after[name]) for name, one in state.items())


def test_what_ddq_keeps_of_its_step_stays_as_it_was() -> None:
    student = query_based('DDQDETR').train()
    noted: list[Any] = []

    def note(module: Any, args: Any, output: Any) -> None:
        cache = student.cache_dict
        noted.append([cache['dis_query_info'], len(cache['distinct_query_mask'])])
        noted[-1].append(cache['distinct_query_mask'][0].shape)

    student.bbox_head.register_forward_hook(note)
    pair(student, query_based('DDQDETR', 7, seed=1), batch(), LOGITS)
    own, asked = noted
    assert asked[0] == [0, 7] and own[0][1] == 12
    cache = student.cache_dict
    assert cache['dis_query_info'] == own[0]
    assert cache['distinct_query_mask'][0].shape == own[2]


def test_layers_are_compared_one_by_one_or_with_the_last() -> None:
    student, teacher = query_based('DABDETR').train(), query_based('DABDETR', seed=1)
    each = pair(student, teacher, batch(), LOGITS, 'scores')
    last = pair(student, teacher, batch(), dict(part=LOGITS, layers='last'), 'scores')
    on = dict(part=LOGITS, teacher_layer='last')
    repeated = pair(student, teacher, batch(), on, 'scores')
    assert_allclose(last['student'], each['student'][24:])
    assert_allclose(last['teacher'], each['teacher'][24:])
    assert_allclose(repeated['student'], each['student'])
    for name in ('teacher', 'scores'):
        assert_allclose(repeated[name], torch.cat([last[name]] * 2))


def test_random_points_differ_from_step_to_step_and_draw_nothing_of_the_run() -> None:
    before = torch.get_rng_state()
    first = random_points(300, 4, epoch=0.5)
    assert first.equal(random_points(300, 4, epoch=0.5))
    assert not first.equal(random_points(300, 4, epoch=0.50001))
    assert torch.get_rng_state().equal(before)
    assert abs(first.mean()) < 0.1 and abs(first.std() - 1) < 0.1


@pytest.fixture(scope='module')
def models() -> Iterator[dict[str, BaseModel]]:
    yield {kind: query_based(kind) for kind in ('DABDETR', 'DeformableDETR')}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(queries='other'), "queries must be one of .*'teacher', 'random'"),
        (dict(number=3), r"number=3 is for queries='random'; those of the teacher"),
        (dict(queries='random', number=0), 'number must be an integer >= 1'),
        (dict(layers='first'), "layers must be one of .*'all', 'last'"),
        (dict(teacher_layer=1), "teacher_layer must be one of .*'same', 'last'"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, Any], message: str, models: dict[str, BaseModel]
) -> None:
    student = models['DABDETR']
    with pytest.raises(ValueError, match=f"part '{LOGITS}': {message}"):
        pair(student, student, batch(), dict(part=LOGITS, **options))


def test_a_target_is_refused_with_the_way_out(models: dict[str, BaseModel]) -> None:
    student = models['DABDETR']
    with pytest.raises(ValueError, match="'target', .* are not those .*; take a loss"):
        pair(student, student, batch(), LOGITS, 'target')


def test_queries_that_no_decoder_takes_are_refused() -> None:
    masked = masked_queries('MaskFormer')
    with pytest.raises(ValueError, match='MaskFormer, whose queries take attention'):
        pair(masked, masked, batch(), LOGITS)
    student = one_stage('FCOS')
    with pytest.raises(ValueError, match=f"on='{LOGITS}' .*for FCOS and FCOS"):
        pair(student, student, batch(), LOGITS)


def test_decoders_that_cannot_answer_the_same_queries_are_refused(
    models: dict[str, BaseModel],
) -> None:
    dab, deformable = models.values()
    with pytest.raises(
        ValueError, match='has a DABDetr.* the teacher a DeformableDetr.*query_logits'
    ):
        pair(dab, deformable, batch(), LOGITS)
    wide = query_based('DeformableDETR', width=64)
    with pytest.raises(ValueError, match='teacher has 64 numbers .* takes 32; take a'):
        pair(deformable, wide, batch(), LOGITS)
    with pytest.raises(
        ValueError, match="'random' gives .* DeformableDETR: it makes the reference"
    ):
        pair(deformable, deformable, batch(), dict(part=LOGITS, queries='random'))
    deep = query_based('DABDETR', num_layers=3, width=64)
    with pytest.raises(ValueError, match="has 2 layers and the teacher's 3.*='last'"):
        pair(dab, deep, batch(), LOGITS)
    on = dict(part=LOGITS, teacher_layer='last')
    given = pair(dab.train(), deep, batch(), on)
    assert given['student'].shape == given['teacher'].shape == (48, 10)
