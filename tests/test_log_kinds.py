"""Whatever the code writes into the activity log is found under a kind that the page offers."""

import ast
import re

import pytest
from django.contrib import admin

from accounts import activity
from accounts.admin_tools import ShownOnly
from accounts.queries import activity_page
from audiences.bulk import words
from audiences.models import BulkAction
from tests.test_architecture import APPS, modules

pytestmark = pytest.mark.django_db


def texts(path):
    """Constant texts of a module; in a text made of parts, `x` stands for what is filled in. Not what goes to logs of programs."""
    tree = ast.parse(path.read_text())
    logs = {
        id(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).startswith(("log.", "logger."))
    }
    for node in ast.walk(tree):
        if id(node) in logs:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)


def recorded():
    """Every verb of the log. What the operator does is called after the model."""
    found = {
        text
        for path in modules()
        if "activity.record(" in path.read_text()
        for text in texts(path)
        if re.fullmatch(r"[a-z]{2,}\.[a-z]+[a-z_]*", text) and text.split(".")[0] not in APPS
    }
    changed = [model for model, how in admin.site._registry.items() if not isinstance(how, ShownOnly)]
    operator = {
        f"{model._meta.model_name}.changed_by_operator" for model in changed if model._meta.app_label in APPS
    }
    bulk = {words.verb(BulkAction(action=action), "done") for action in BulkAction.Action}
    return found | operator | bulk


def test_every_entry_is_found_under_a_kind_and_every_kind_finds_entries(workspace):
    verbs = recorded()
    assert len(verbs) > 80
    for verb in sorted(verbs):
        activity.record(workspace, verb, "It was done.")

    found = {
        kind: {entry.verb for entry in activity_page(workspace, kind=kind)[0]} for kind in activity.KINDS
    }

    assert set().union(*found.values()) == verbs
    assert {kind for kind, entries in found.items() if not entries} == set()
    assert found["suppression"] == {
        "suppressions.added", "pattern.lifted", "contact.suppressed", "contact.lifted", "contact.left",
        "bulk.suppress_done",
    }  # fmt: skip


def test_the_page_offers_each_kind_and_shows_what_it_finds(browse, workspace):
    activity.record(workspace, "pattern.lifted", "Lifted a pattern.")
    activity.record(workspace, "bulk.suppress_done", "Suppressed many.")
    activity.record(workspace, "contact.edited", "Edited a contact.")

    page = browse("viewer").get("/w/acme/activity/?kind=suppression")

    assert [line.entry.verb for line in page.context["entries"]] == ["bulk.suppress_done", "pattern.lifted"]
    assert '<option value="suppression" selected>Suppressions</option>' in page.content.decode()
