"""What the site adds to the pages, and what the pages of the entrance say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from ckd_mm.adapters import ClassificationAdapter
from ckd_mm.hooks import DistillationHook
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.registry import LOSSES, SCHEDULES, TEACHERS
from ckd_mm.teachers.reading import options_of, read_teachers
from maintenance import costs
from maintenance.site import fences, reference
from maintenance.site.docstrings import markdown
from maintenance.tables import rows

from ..tutorials.page import blocks as read_blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'
ENTRANCE = [ROOT / 'README.md', *DOCS.glob('how_to/*.md'), *DOCS.glob('tutorials/*.md')]
README_WORDS = 700


def blocks(page: Path, language: str) -> list[str]:
    return [block.code for block in read_blocks(page, language)]


def test_the_readme_is_short() -> None:
    assert len((ROOT / 'README.md').read_text().split()) <= README_WORDS


def test_sentences_of_the_reading_test_stand_on_pages() -> None:
    pages = [*ENTRANCE, *DOCS.glob('*.md')]
    said = ' '.join(' '.join(page.read_text().split()) for page in pages)
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    (table,) = re.findall(r'^\| before \| now \|\n.*?(?=\n\n)', text, re.M | re.S)
    sentences = re.findall(r' \| (.*) \|$', table, re.M)[1:]
    assert len(sentences) == 5
    assert not [one for one in sentences if one not in said]


def test_the_readme_counts_the_lines_of_its_config() -> None:
    (code,) = blocks(ROOT / 'README.md', 'python')
    assert '## Use it: eleven lines' in (ROOT / 'README.md').read_text()
    assert len(code.splitlines()) == 11


def test_the_config_of_the_readme_is_one(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / 'README.md', 'python')
    path = tmp_path / 'my_config.py'
    path.write_text(code)
    config = Config.fromfile(path)
    assert config.model.type == 'FasterRCNN'
    (hook,) = config.custom_hooks
    assert hook.pop('type') == 'DistillationHook'
    DistillationHook(**hook)


@pytest.mark.parametrize('page', ENTRANCE, ids=lambda page: page.stem)
def test_the_python_of_a_page_is_python(page: Path) -> None:
    for code in blocks(page, 'python'):
        ast.parse(code)


def test_the_loss_of_the_how_to_page_trains() -> None:
    import torch

    code, _ = blocks(DOCS / 'how_to' / 'add_a_loss.md', 'python')
    exec(code, {'__name__': 'my_loss'})
    try:
        loss = LOSSES.build(dict(type='MyLoss', loss_weight=2.0))
    finally:
        LOSSES.module_dict.pop('MyLoss')
    assert loss(torch.zeros(2, 3), torch.ones(2, 3)) == 2.0


def test_the_memory_of_losses_is_what_was_measured() -> None:
    measured = (ROOT / 'benchmarks/results/map_cost.md').read_text()
    rows = re.findall(
        r'^\| `(\w+Loss)` \| (\d+) \| (\d+) \|$',
        (DOCS / 'how_to' / 'less_memory.md').read_text(),
        re.M,
    )
    assert len(rows) == 6
    for name, float32, amp in rows:
        row = f'| {name} | FPN, strides 4 to 64 | {float32} | {amp} |'
        assert row in measured, name


def test_every_loss_says_what_it_costs() -> None:
    """`maintenance.results` writes the figures of the file into the cards."""
    measured = {row['loss']: row for row in rows('map_cost', 'loss')}
    ours = {
        name
        for name, cls in LOSSES.module_dict.items()
        if cls.__module__.startswith('ckd_mm.')
    }
    assert measured.keys() == ours, (
        'run python benchmarks/map_cost.py --out benchmarks/results/map_cost.md, '
        'then python -m maintenance.results'
    )
    listed = (DOCS / 'speed.md').read_text()
    for name, row in measured.items():
        takes = LOSSES.module_dict[name].takes
        is_of_maps = row['of'] in costs.OF_MAPS
        assert is_of_maps is ('map' in takes), name
        assert (f'| `{name}` |' in listed) is is_of_maps, name


def test_commands_of_the_pages_have_options_that_their_tools_know() -> None:
    helped = dict(
        re.findall(
            r'^## (\w+)\.py\n\n```text\n(.*?)^```', reference.tools(), re.M | re.S
        )
    )
    for page in ENTRANCE:
        commands = '\n'.join(blocks(page, 'shell')).replace('\\\n', '')
        for tool, rest in re.findall(r'tools/(\w+)\.py(.*)', commands):
            for option in re.findall(r' (--[\w-]+)', rest):
                assert option in helped[tool], f'{page.name}: {tool}.py {option}'


def test_reference_pages_have_everything_that_is_registered() -> None:
    options, losses = reference.options(), reference.losses()
    for registry, page in ((TEACHERS, options), (SCHEDULES, options), (LOSSES, losses)):
        for name, cls in registry.module_dict.items():
            if cls.__module__.startswith('ckd_mm.'):
                assert f'## {name}\n' in page, name
    assert '| `student_loss_weight` | `1.0` |' in options
    assert '| `share` | must be given |' in options
    assert '`safetensors>=0.4`' in reference.extras()


def sections(page: str) -> dict[str, str]:
    parts = re.split(r'^### (\w+)\n', page, flags=re.M)
    bodies = (part.split('\n## ')[0] for part in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))


def test_every_option_of_a_teacher_on_the_page_is_one() -> None:
    """A config gives those of `speed` one by one."""
    shown = sections(reference.options())
    for name, cls in TEACHERS.module_dict.items():
        if not cls.__module__.startswith('ckd_mm.'):
            continue
        options = re.findall(r'^\| `(\w+)` \|', shown[name], re.M)
        assert 'speed' not in options
        assert options == list(options_of(cls)), name
        assert ('stream' in options) == ('speed' in cls.__dataclass_fields__), name
    assert '| `config` | must be given |' in shown['ZooTeacher']
    assert '| `cache` | must be given |' in shown['CachedTeacher']
    for name in ('timm', 'torchvision', 'transformers', 'module', 'torch_hub'):
        assert '| `model` | must be given |' in shown[name], name
        with pytest.raises(ValueError, match='needs model=NAME'):
            read_teachers(dict(type=name))


def test_the_page_lists_the_parts_of_every_family() -> None:
    page = reference.options()
    row = re.compile(r'^\| `(\w+Adapter)` \| .* \| (.*) \|$', re.M)
    parts = {name: re.findall(r'`(\w+)`', cell) for name, cell in row.findall(page)}
    wanted = ['backbone', 'logits', 'embedding', 'cam', 'last_stages', 'tokens']
    assert parts['ClassificationAdapter'] == wanted
    assert parts['ModuleAdapter'] == parts['DetectionAdapter'] == ['backbone', 'neck']
    assert {'neck', 'roi_logits'} <= set(parts['TwoStageAdapter'])


def test_values_of_on_are_those_of_the_page_on_what_can_be_compared() -> None:
    (table,) = re.findall(r'^## `on`\n(.*?)^## ', reference.options(), re.M | re.S)
    rows = re.findall(r'^\| `\w+Adapter` \| .* \| (.*) \|$', table, re.M)
    listed = {name for row in rows for name in re.findall(r'`(\w+)`', row)}
    text = (DOCS / 'adapters.md').read_text()
    (table,) = re.findall(r'^\| `on` \|.*?(?=\n\n)', text, re.M | re.S)
    first = re.findall(r'^\| (`.*?) \|', table, re.M)[1:]
    assert listed == {name for cell in first for name in re.findall(r'`(\w+)`', cell)}


def test_the_parts_that_classifiers_list_are_those_that_they_have() -> None:
    resnet = dict(type='ResNet', depth=18)
    vit = dict(
        type='VisionTransformer',
        arch=dict(num_layers=1, num_heads=1, embed_dims=8, feedforward_channels=8),
        img_size=32,
        patch_size=16,
    )
    found: set[str] = set()
    for backbone, width in ((resnet, 512), (vit, 8)):
        _, model = build_untrained(
            dict(
                default_scope='mmpretrain',
                model=dict(
                    type='ImageClassifier',
                    backbone=backbone,
                    neck=dict(type='GlobalAveragePooling') if width == 512 else None,
                    head=dict(
                        type='LinearClsHead',
                        num_classes=3,
                        in_channels=width,
                        loss=dict(type='CrossEntropyLoss'),
                    ),
                ),
            )
        )
        found |= set(ClassificationAdapter(model, model).parts())
    listed = (*ClassificationAdapter.map_parts, *ClassificationAdapter.head_parts)
    assert found == set(listed)


def test_a_formula_and_a_picture_need_no_script() -> None:
    assert '<mfrac>' in fences.math(r'\frac{a}{b}')
    picture = fences.mermaid('flowchart TD\n  a["one"] --> b["two"]')
    assert picture.startswith('<img') and 'data:image/svg+xml' in picture


def test_roles_and_formulas_of_a_docstring_become_markdown() -> None:
    text = 'See :func:`~a.b`.\n\n.. math::\n    x\n    + 1\n\nMore.'
    assert markdown(text) == 'See `a.b`.\n\n```math\nx\n+ 1\n```\n\nMore.'


def test_the_navigation_has_every_page_of_the_docs() -> None:
    """As `mkdocs build --strict` says, without a build."""
    text = re.sub(r'!!python/\S+( \{.*\})?', 'null', (ROOT / 'mkdocs.yml').read_text())
    listed = set(re.findall(r'[\w/*-]+(?:\.md|\*)', str(yaml.safe_load(text)['nav'])))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')}
    missing = {
        page for page in pages - listed if f'{Path(page).parent}/*' not in listed
    }
    assert not missing, f'sort them into nav of mkdocs.yml: {missing}'
