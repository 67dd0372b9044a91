"""What holds for every file and every order of things, tried with files nobody thought of."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Membership, Role
from accounts.providers.records import ContactRecord, Page
from audiences import services
from audiences.importing import applying
from audiences.mirror import merge
from audiences.mirror.contacts import Reader, sift
from audiences.models import Consent, Contact, Field, Import, List, Subscription, Suppression
from audiences.models.imports import rows_in
from tests.audiences.importing import begin, bring, preview, start, state_of, undo
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    MembershipFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

PEOPLE = [f"p{number}@x.test" for number in range(5)]
MAPPING = [
    {"to": "email", "as": "text"}, {"to": "first_name", "as": "text"}, {"to": "city", "as": "text"},
    {"to": "size", "as": "number"}, {"to": "note", "as": "text"},
]  # fmt: skip
ordinary = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))

addresses = st.sampled_from([*PEOPLE, "P1@X.TEST", " p2@x.test ", "new@x.test", "nobody", "", "a@gone.test"])
words = st.sampled_from(["", "Ana", "Ben", "Ä\u202e", "=1+1", "null", '"', "x" * 201])
sizes = st.sampled_from(["", "38", "38.5", "big", "0"])
# A file without a filled cell below its heading is refused before anything is made of it.
rows = st.lists(st.tuples(addresses, words, words, sizes, words), min_size=1, max_size=9).filter(
    lambda table: any(map(any, table))
)
person = st.tuples(
    st.sampled_from(PEOPLE), st.sampled_from(["", "Ana", "Old"]), st.sampled_from(["", "Ben", "Bern"]),
    st.sampled_from([{}, {"size": 38}, {"note": "Ana", "else": [1, None]}, {"note": None}, {"size": "38"}]),
    st.sampled_from([None, "subscribed", "unsubscribed", "pending", "removed"]), st.booleans(),
)  # fmt: skip
people = st.lists(person, max_size=5, unique_by=lambda row: row[0])
policies = st.sampled_from(Import.Policy.values)


def text_of(table):
    text = io.StringIO()
    csv.writer(text).writerows([["Email", "Vorname", "City", "Size", "Note"], *table])
    return text.getvalue()


def world(known):
    """A workspace of its own with these people, an approver, a list and one suppressed domain."""
    workspace = WorkspaceFactory()
    membership: Membership = MembershipFactory(workspace=workspace, role=Role.APPROVER)
    mine = ListFactory(workspace=workspace)
    Field.objects.create(workspace=workspace, key="size", label="Size", kind=Field.Kind.NUMBER)
    Field.objects.create(workspace=workspace, key="note", label="Note")
    services.suppress_patterns(
        workspace=workspace,
        connection=None,
        facts=[services.Fact("*@gone.test", "bounced", datetime.now(UTC))],
    )
    for email, first, city, custom, status, is_blocked in known:
        contact = ContactFactory(
            workspace=workspace, email=email, first_name=first, last_name="", city=city, custom=custom
        )
        if status:
            SubscriptionFactory(
                list=mine, contact=contact, status=status, changed_at=datetime.now(UTC) - timedelta(days=5)
            )
        if is_blocked:
            SuppressionFactory(contact=contact)
    return workspace, membership.user, mine


@ordinary
@given(rows, people, policies, st.integers(1, 4))
def test_the_result_is_the_preview_and_a_roll_back_leaves_no_trace(table, known, policy, chunk):
    workspace, by, mine = world(known)
    before = state_of(workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "CHUNK", chunk)
        made = preview(begin(workspace, by, text_of(table)), by, MAPPING, on_list=mine, policy=policy)
        start(made, by)
        assert (made.state, made.counts) == (Import.State.DONE, made.preview)
        assert made.counts["read"] == rows_in(made.counts)
        again = preview(
            begin(workspace, by, text_of([*table, ("nobody", "", "", "", "")])),
            by,
            MAPPING,
            on_list=mine,
            policy=policy,
        )
        # Whoever could be taken over was: a second file like it has nothing to say.
        assert (again.preview.get("new", 0), again.preview.get("changed", 0)) == (0, 0)
        undo(made, by)
    assert state_of(workspace) == before
    assert made.undone["kept"] == 0


FEW = ["p0@x.test", "p1@x.test", "new@x.test"]
who = st.sampled_from(FEW)
step = st.one_of(
    st.tuples(st.just("import"), st.just(""), st.booleans()),
    st.tuples(st.just("undo"), st.just(""), st.booleans()),
    st.tuples(st.just("leave"), who, st.just(False)),
    st.tuples(st.just("suppress"), who, st.just(False)),
    st.tuples(st.just("pull"), who, st.booleans()),
)
known_before = st.lists(
    st.tuples(st.sampled_from(FEW[:2]), st.sampled_from([None, "subscribed", "unsubscribed", "removed"])),
    max_size=2, unique_by=lambda row: row[0],
)  # fmt: skip


def on_list(mine: List) -> set[str]:
    found = Subscription.objects.filter(list=mine, status="subscribed")
    return {*found.values_list("contact__email", flat=True)}


@settings(ordinary, max_examples=15)
@given(known_before, st.lists(step, min_size=3, max_size=7))
@example(
    [], [("import", "", False), ("leave", "new@x.test", False), ("undo", "", False), ("import", "", False)]
)
@example([], [("suppress", "new@x.test", False), ("import", "", False)])
@example([("p0@x.test", "unsubscribed")], [("import", "", False), ("import", "", True), ("undo", "", True)])
def test_nobody_who_left_or_is_suppressed_is_back_without_a_consent_given_since(known, steps):
    workspace, by, mine = world([(email, "", "", {}, status, False) for email, status in known])
    connection = ConnectionFactory(workspace=workspace)
    file = text_of([(email, "Ana", "", "", "") for email in FEW])
    # Who is out, and since when; only a consent given after that lets them back in, and nothing while suppressed.
    left = {
        email: datetime.now(UTC) - timedelta(days=5) for email, status in known if status == "unsubscribed"
    }
    suppressed: set[str] = set()
    done: list[Import] = []
    for kind, email, flag in steps:
        now = datetime.now(UTC)
        before = on_list(mine)
        match kind:
            case "import":
                day = (now - timedelta(days=2)).date() if flag else None
                made = bring(
                    workspace, by, file, mapping=MAPPING, on_list=mine, resubscribes=flag, consent_date=day
                )
                done.append(made)
            case "undo" if done:
                undo(done.pop(-1 if flag else 0), by)
            case "leave":
                rows = Subscription.objects.filter(list=mine, contact__email=email)
                if rows.update(status="unsubscribed", changed_at=now):
                    left[email] = now
            case "suppress":
                services.suppress(
                    workspace=workspace,
                    email=email,
                    reason="unsubscribed",
                    connection=None,
                    at=now,
                    evidence={},
                )
                suppressed.add(email)
            case "pull":
                record = ContactRecord(remote_id=email, email=email, blocked=flag, modified_at=now)
                page = Reader(columns={}, keys={}, lists={}).read(Page(items=(record,), cursor=None))
                merge.merge_contacts(connection, sift([page]).rows, pull=None)
                suppressed |= {email} if flag else set()
        back = on_list(mine) - before
        assert back & suppressed == set()
        assert (
            not Contact.objects.filter(email__in=suppressed, workspace=workspace)
            .exclude(pk__in=Suppression.objects.filter(lifted_at=None).values("contact"))
            .exists()
        )
        for email in back & {*left}:
            consents = Consent.objects.filter(contact__email=email, list=mine, kind="given")
            assert consents.filter(at__gt=left[email]).exists()
