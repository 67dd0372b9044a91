"""What templates name must be there: a wrong name in `{% url … as … %}` is nothing at all, and nobody hears of it."""

import re
from pathlib import Path

import pytest
from django.urls import get_resolver

ROOT = Path(__file__).parents[1]
URL = re.compile(r"""{%\s*url\s+["']([\w:-]+)["']""")


def names() -> set[str]:
    """Of our own views, as templates write them."""
    found = set()
    for prefix, (_, resolver) in _namespaces(get_resolver()):
        found |= {
            f"{prefix}:{name}" if prefix else name for name in resolver.reverse_dict if isinstance(name, str)
        }
    return found


def _namespaces(resolver, prefix=""):
    yield prefix, ("", resolver)
    for name, (_, inner) in resolver.namespace_dict.items():
        yield from _namespaces(inner, f"{prefix}:{name}" if prefix else name)


@pytest.mark.parametrize("path", sorted(ROOT.glob("templates/**/*.html")), ids=lambda path: path.name)
def test_every_view_a_template_names_is_there(path):
    assert set(URL.findall(path.read_text())) - names() == set()
