from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Workspace
from tests.factories import UserFactory, WorkspaceFactory


def create(*words: str) -> str:
    said = StringIO()
    call_command("create_workspace", *words, stdout=said)
    return said.getvalue()


def test_a_workspace_begins_with_its_admin(db):
    UserFactory(email="ada@example.test")

    assert (
        create("Tower & Co", "--admin", "Ada@example.test")
        == "Tower & Co: /w/tower-co/, admin ada@example.test\n"
    )
    assert list(Membership.objects.values_list("user__email", "workspace__slug", "role")) == [
        ("ada@example.test", "tower-co", "admin")
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("Tower", "--admin", "nobody@example.test"),
            "Nobody logs in as nobody@example.test. Run createsuperuser first.",
        ),
        (
            ("Acme", "--admin", "ada@example.test"),
            "There is a workspace acme already. Choose another --slug.",
        ),
        (("鐘楼", "--admin", "ada@example.test"), "Give a --slug: the name has no letters for an address."),
    ],
)
def test_what_cannot_be_is_said(db, words, sentence):
    UserFactory(email="ada@example.test")
    WorkspaceFactory(slug="acme")

    with pytest.raises(CommandError, match=sentence):
        create(*words)
    assert Workspace.objects.count() == 1
