"""What runs the tutorials: it reads blocks, and notices what a page says wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from .page import Block, blocks, run_page

PAGE = """
Write `say.py`:

```python
print('loss: 0.25  step 3')
```

Then run `say.py`:

- As a step:

    ```shell
    pip install nothing
    python say.py  # it speaks
    ```

```text
...
loss: 0.75   step 12
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / 'page.md').write_text(PAGE)
    return tmp_path / 'page.md'


def test_a_block_has_the_file_that_the_paragraph_before_it_names(page: Path) -> None:
    first, second, third = blocks(page)
    assert first == Block('python', "print('loss: 0.25  step 3')\n", 'say.py')
    assert second.code == 'pip install nothing\npython say.py  # it speaks\n'
    assert second.file == third.file == ''


def test_a_page_is_done_as_it_says_and_numbers_may_differ(page: Path) -> None:
    assert 'step 4' in run_page(page, page.parent, {'step 3': 'step 4'})


def test_output_that_did_not_come_and_what_shortens_nothing_are_refused(
    page: Path,
) -> None:
    with pytest.raises(AssertionError, match='shows .*loss: 0.75'):
        run_page(page, page.parent, {'loss: 0.25': 'gain: 0.25'})
    with pytest.raises(AssertionError):
        run_page(page, page.parent, {'not there': ''})


def test_a_command_that_fails_is_refused(page: Path) -> None:
    with pytest.raises(AssertionError, match='say.py'):
        run_page(page, page.parent, {"print('": "raise ValueError('"})
