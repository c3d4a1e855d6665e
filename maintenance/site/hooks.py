"""What MkDocs calls while it builds the site (`hooks` in mkdocs.yml)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from maintenance.pages import ROOT
from maintenance.site import messages, reference
from maintenance.site.built import faults
from maintenance.site.links import PAGES, address, relinked, targets

__all__ = [
    'on_config',
    'on_files',
    'on_page_markdown',
    'on_post_build',
    'on_post_page',
    'on_post_template',
]

LOG = logging.getLogger('mkdocs.hooks.site')
LANGUAGES = {'.py': 'python', '.sh': 'shell', '.yml': 'yaml', '.toml': 'toml'}
SHIM = 'https://unpkg.com/iframe-worker/shim', 'site/iframe-worker.js'
"""Material's script for searching a file, from the network, and ours."""
START = {'README.md': '---\nhide: [navigation]\n---\n\n'}
LATE = '---\nsearch:\n  boost: 0.2\n---\n\n'
"""Of files outside of `docs`: a search shows pages of `docs` before them."""
UNSEARCHED = '---\nsearch:\n  exclude: true\n---\n\n'


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder where the navigation says `FOLDER/*`."""
    config.nav = _expanded(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and a page for each file that a page links to."""
    generated = {**reference.texts(), 'reference/errors.md': messages.text()}
    for name, text in generated.items():
        files.append(File.generated(config, name, content=text))
    pages = [f'docs/{file.src_uri}' for file in files.documentation_pages()]
    written = [page for page in pages if (ROOT / page).is_file()]
    for path in sorted(_linked([*written, *PAGES])):
        files.append(_file(path, config))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Give links the form that the site needs."""
    source = _source(page.file.src_uri)
    if not (ROOT / source).is_file():
        return markdown
    return relinked(markdown, source, lambda path: (ROOT / path).exists())


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Take the script that a search in a file needs from the site itself."""
    there, here = SHIM
    return output.replace(there, get_relative_url(here, page.url))


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Do the same for the page that a server shows in place of a missing one."""
    there, here = SHIM
    return output.replace(there, f'/{here}')


def on_post_build(config: MkDocsConfig) -> None:
    """Look at what came out; with `--strict` a fault fails the build."""
    for fault in faults(Path(config.site_dir)):
        LOG.warning(fault)


def _expanded(entries: list[Any], docs: Path) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            (title, value), *_ = entry.items()
            nested = _expanded(value, docs) if isinstance(value, list) else value
            found.append({title: nested})
        elif entry.endswith('/*'):
            pages = sorted((docs / entry[:-2]).glob('*.md'))
            found += [path.relative_to(docs).as_posix() for path in pages]
        else:
            found.append(entry)
    return found


def _linked(pages: Iterable[str]) -> set[str]:
    """The files outside of `docs` that these pages link to, and what they link to."""
    found, todo = set(PAGES), list(pages)
    while todo:
        page = todo.pop()
        for path in targets((ROOT / page).read_text(encoding='utf-8'), page):
            if not (ROOT / path).exists() or path.startswith('..'):
                LOG.warning(f'{page} links to {path}, which is not there')
            elif not path.startswith('docs/') and path not in found:
                found.add(path)
                todo += [path] if path.endswith('.md') else []
    return found


def _file(path: str, config: MkDocsConfig) -> File:
    here = ROOT / path
    name = address(path)
    if here.suffix in ('.png', '.svg'):
        return File.generated(config, name, abs_src_path=str(here))
    if here.suffix == '.md':
        text = here.read_text(encoding='utf-8')
        return File.generated(config, name, content=START.get(path, LATE) + text)
    return File.generated(config, name, content=UNSEARCHED + _shown(here))


def _shown(path: Path) -> str:
    """A page that shows a file, or the names in a folder."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        names = sorted(
            f'- `{one.name}`' for one in path.iterdir() if one.name[0] != '_'
        )
        return f'# `{name}/`\n\n' + '\n'.join(names)
    language = LANGUAGES.get(path.suffix, 'text')
    text = path.read_text(encoding='utf-8').rstrip()
    return f'# `{name}`\n\n````{language}\n{text}\n````\n'


def _source(uri: str) -> str:
    """The file of the repository that a page of the site shows."""
    for path, name in PAGES.items():
        if name == uri:
            return path
    return uri.removeprefix('files/') if uri.startswith('files/') else f'docs/{uri}'
