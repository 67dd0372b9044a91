"""Menus of rows ask for what they show."""

import re
from importlib import import_module

import pytest
from django import forms

from audiences import queries, rules
from audiences.forms import choose
from audiences.forms.contacts import ContactFilters
from audiences.models import Folder, Segment, Tag
from tests.factories import ConnectionFactory, ListFactory

pytestmark = pytest.mark.django_db


def test_menus_read_the_names_of_their_rows_alone(workspace, django_assert_num_queries):
    first, second = (workspace.connections.create(provider="brevo", name=name) for name in ("Alp <b>", "Zoo"))

    class Form(forms.Form):
        account = forms.ModelChoiceField(workspace.connections.none(), empty_label="All", required=False)

    form = Form({"account": str(second.pk)})
    choose(form, "account", workspace.connections.order_by("name"))

    assert form.is_valid()
    assert form.cleaned_data == {"account": second}
    with django_assert_num_queries(1) as asked:
        drawn = str(form["account"])

    assert re.findall(r'<option value="(\d*)"( selected)?>([^<]*)', drawn) == [
        ("", "", "All"),
        (str(first.pk), "", "Alp &lt;b&gt;"),
        (str(second.pk), " selected", "Zoo"),
    ]
    assert "sealed_credentials" not in asked[0]["sql"]


def test_menus_and_pages_put_names_in_the_order_of_the_alphabet(workspace, browse):
    for name in ("Zoo", "alpha", "Beta", "Ämter"):
        ListFactory(workspace=workspace, name=name)
        Tag.objects.create(workspace=workspace, name=name)
        Segment.objects.create(workspace=workspace, name=name, rule={"join": "all", "rules": []})
        ConnectionFactory(workspace=workspace, name=name)
        Folder.objects.create(workspace=workspace, name=name)
    wanted = ["alpha", "Ämter", "Beta", "Zoo"]

    filters = ContactFilters({}, workspace=workspace, shows_addresses=True)
    menus = {
        name: [label for _, label in filters.fields[name].choices][1:]
        for name in ("list", "tag", "segment", "account")
    }
    assert menus == dict.fromkeys(menus, wanted)
    offered = {
        kind: [thing.label for thing in rules.KINDS[kind].things(workspace).values()]
        for kind in ("list", "tag", "segment", "account")
    }
    assert [[label for label in labels if label in wanted] for labels in offered.values()] == [wanted] * 4
    client = browse()
    page = client.get("/w/acme/lists/").context
    assert [row.mine.name for row in page["rows"]] == wanted
    assert [label for _, label in page["form"].fields["folder"].choices][2:] == wanted
    assert [row.mine.name for row in client.get("/w/acme/lists/?sort=-name").context["rows"]] == wanted[::-1]


@pytest.mark.parametrize("sort", ["name", "-name"])
def test_pages_of_lists_go_on_after_the_last_name_whatever_its_letters(workspace, monkeypatch, sort):
    monkeypatch.setattr(import_module("audiences.queries.lists"), "PAGE", 2)
    for name in ("Zoo", "alpha", "Alpha", "Beta", "ALPHA"):
        ListFactory(workspace=workspace, name=name)
    seen, after = [], ""
    while True:
        page = queries.lists(workspace, sort=sort, after=after)
        seen += [row.mine.name for row in page.rows]
        if not (after := page.after):
            break

    wanted = ["alpha", "Alpha", "ALPHA", "Beta", "Zoo"]
    assert seen == (wanted if sort == "name" else wanted[::-1])
