"""Formulas and pictures of a page, drawn when the site is built.

GitHub shows code fences of `math` and `mermaid` itself. The site would need two large
scripts from the network for that. So a formula becomes MathML, and a picture SVG.
"""

from __future__ import annotations

import base64
from typing import Any

import mmdr
from latex2mathml.converter import convert

__all__ = ['math', 'mermaid']


def math(source: str, *args: Any, **kwargs: Any) -> str:
    """A formula in LaTeX as MathML, for pymdownx.superfences."""
    return f'<div class="formula">{convert(source.strip(), display="block")}</div>'


def mermaid(source: str, *args: Any, **kwargs: Any) -> str:
    """A picture as an image, so that its styles stay its alone."""
    drawn = base64.b64encode(mmdr.render(source).svg().encode()).decode()
    return (
        f'<img class="picture" alt="diagram" src="data:image/svg+xml;base64,{drawn}">'
    )
