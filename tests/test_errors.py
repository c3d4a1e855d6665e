"""What of an exception the user of a tool sees."""

from __future__ import annotations

import pytest

from ckd_mm.checks import positive
from ckd_mm.errors import TRACE, one_sentence

SENTENCE = 'error: temperature must be a finite number > 0, got -1'


def test_our_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRACE, raising=False)
    with pytest.raises(SystemExit) as ended, one_sentence():
        positive('temperature', -1)
    assert str(ended.value).startswith(SENTENCE)


def test_it_is_found_in_what_a_library_made_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MMEngine's registry raises another one, with the class in front."""
    monkeypatch.delenv(TRACE, raising=False)
    with pytest.raises(SystemExit) as ended, one_sentence():
        try:
            positive('temperature', -1)
        except ValueError as error:
            raise ValueError(f'class `KDLoss` in ckd_mm: {error}') from None
    assert str(ended.value).startswith(SENTENCE)


def test_errors_of_other_code_keep_their_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TRACE, raising=False)
    with pytest.raises(ValueError, match='of the user'), one_sentence():
        raise ValueError('of the user')


def test_a_variable_keeps_the_trace_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACE, '1')
    with pytest.raises(ValueError, match='temperature'), one_sentence():
        positive('temperature', -1)


def test_a_fault_while_one_of_ours_is_handled_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TRACE, raising=False)
    with pytest.raises(TypeError, match='of the user'), one_sentence():
        try:
            positive('temperature', -1)
        except ValueError as error:
            raise TypeError('of the user') from error
