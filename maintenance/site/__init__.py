"""The site of the documentation: what `make docs` adds to the pages in `docs`.

`mkdocs.yml` names `hooks.py`, which makes the reference pages and gives links to files
of the repository a page. Pictures and formulas are drawn here, when the site is built,
so that a page needs no network.
"""
