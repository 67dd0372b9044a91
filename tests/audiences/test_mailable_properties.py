"""Nobody who left becomes mailable but by lifting, and who was lifted stays so until they say no again."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Membership, Role
from accounts.providers.records import ContactRecord, LeaveRecord, Page
from audiences import queries, services
from audiences.mirror import leaves, merge
from audiences.mirror.contacts import Reader, sift
from audiences.models import Contact, Import, Suppression
from tests.audiences.importing import bring, start, undo, work
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    MembershipFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

FEW = ["p0@x.test", "p1@x.test", "new@x.test"]
KINDS = [
    "import", "undo", "add", "pull", "pull blocked", "leave", "leave told again", "hand", "blocks", "pattern",
    "lift pattern", "agree", "agree to a list", "agree to be counted", "take back", "take back a list", "lift",
]  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(FEW)), min_size=4, max_size=9)


class World:
    """The doing, and beside it what must be so: who is out, and whom the account says it blocks."""

    def __init__(self) -> None:
        self.workspace = WorkspaceFactory()
        membership: Membership = MembershipFactory(workspace=self.workspace, role=Role.APPROVER)
        self.by = membership.user
        self.news = ListFactory(workspace=self.workspace)
        self.connection = ConnectionFactory(workspace=self.workspace)
        self.files = 0
        self.imports: list[Import] = []
        self.out: set[str] = set()
        self.blocked: set[str] = set()
        self.has_pattern = False
        for email in FEW[:2]:
            ContactFactory(workspace=self.workspace, email=email)

    def do(self, kind: str, email: str) -> None:
        now = datetime.now(UTC)
        contact = Contact.objects.filter(workspace=self.workspace, email=email).first()
        self.files += 1
        match kind:
            case "import":
                text = "Email,Vorname\n" + "".join(f"{one},N{self.files}\n" for one in FEW)
                day = (now - timedelta(days=2)).date()
                self.imports.append(
                    bring(
                        self.workspace, self.by, text, on_list=self.news, resubscribes=True, consent_date=day
                    )
                )
                self.catch()
            case "undo" if self.imports:
                undo(self.imports.pop(), self.by)
            case "add":
                with suppress(services.CannotImport):
                    services.add_person(
                        workspace=self.workspace, by=self.by, email=email, fields={"city": f"C{self.files}"},
                        on_list=self.news, consent_source="Shop",
                    )  # fmt: skip
                self.catch()
            case "pull" | "pull blocked":
                is_blocked = kind == "pull blocked"
                record = ContactRecord(
                    remote_id=email, email=email, blocked=is_blocked, fields={"NAME": f"P{self.files}"}
                )
                page = Reader(columns={"NAME": "first_name"}, keys={}, lists={}).read(Page((record,), None))
                merge.merge_contacts(self.connection, sift([page]).rows, pull=None)
                if is_blocked and email not in self.blocked:
                    self.out.add(email)
                self.blocked = self.blocked | {email} if is_blocked else self.blocked - {email}
                self.catch()
            case "leave":
                leaves.take_leaves(self.connection, [LeaveRecord(email, "unsubscribed", at=now)])
                self.out.add(email)
            case "leave told again":
                old = LeaveRecord(email, "unsubscribed", at=now - timedelta(days=9))
                is_lifted = Suppression.objects.filter(
                    workspace=self.workspace, email=email, lift_evidence__has_key="agreed_at"
                )
                if not is_lifted.exists():
                    self.out.add(email)
                leaves.take_leaves(self.connection, [old])
            case "hand" if contact:
                with suppress(services.CannotSuppress):
                    services.suppress_by_hand(contact=contact, by=self.by, reason="x")
                self.out.add(email)
            case "blocks":
                mine, _ = services.begin_import(
                    workspace=self.workspace, by=self.by, name="b.csv", aim=Import.Aim.SUPPRESSIONS,
                    blocks=[f"Email,Note\n{email},{self.files}\n".encode()],
                )  # fmt: skip
                work()
                mine.refresh_from_db()
                services.preview_blocks(
                    mine=mine, version=mine.version, mapping=mine.mapping, reason="unsubscribed"
                )
                work()
                mine.refresh_from_db()
                start(mine, self.by)
                self.out.add(email)
            case "pattern":
                fact = services.Fact("new@*", "by_hand", now)
                if services.suppress_patterns(workspace=self.workspace, connection=None, facts=[fact]):
                    self.has_pattern = True
                    self.catch()
            case "lift pattern":
                row = Suppression.objects.filter(
                    workspace=self.workspace, is_pattern=True, lifted_at=None
                ).first()
                if row:
                    services.lift_pattern(suppression=row, by=self.by, reason="x")
                    self.has_pattern = False
            case "agree" | "agree to a list" | "agree to be counted" | "take back" | "take back a list" if (
                contact
            ):
                services.record_consent(
                    contact=contact, by=self.by, source="Phone", at=now,
                    purpose="tracking" if "counted" in kind else "mail",
                    kind="withdrawn" if "back" in kind else "given",
                    on_list=self.news if "list" in kind else None,
                )  # fmt: skip
                self.out |= {email} if kind == "take back" else set()
            case "lift":
                row = Suppression.objects.filter(
                    workspace=self.workspace, email=email, lifted_at=None, is_pattern=False
                ).first()
                if row:
                    services.lift(
                        suppression=row,
                        by=self.by,
                        reason="x",
                        consent_source="Phone",
                        agreed_at=datetime.now(UTC),
                    )
                    self.out.discard(email)

    def catch(self) -> None:
        """Who comes while the pattern stands is caught by it, unless a consent has lifted that since."""
        if (
            not self.has_pattern
            or not Contact.objects.filter(workspace=self.workspace, email=FEW[2]).exists()
        ):
            return
        stands = Suppression.objects.get(workspace=self.workspace, is_pattern=True, lifted_at=None)
        lifted = Suppression.objects.filter(
            workspace=self.workspace, email=FEW[2], connection=None, lifted_at__gte=stands.at
        )
        if not lifted.exists():
            self.out.add(FEW[2])

    def suppressed(self) -> set[str]:
        found = Suppression.objects.filter(workspace=self.workspace, lifted_at=None, is_pattern=False)
        return {*found.values_list("email", flat=True)}


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
@example([("pull blocked", "p0@x.test"), ("lift", "p0@x.test"), ("pull blocked", "p0@x.test"), ("pull", "p0@x.test"),
          ("pull blocked", "p0@x.test"), ("import", ""), ("undo", "")])  # fmt: skip
@example([("leave", "p0@x.test"), ("agree", "p0@x.test"), ("lift", "p0@x.test"), ("leave told again", "p0@x.test"),
          ("take back", "p0@x.test"), ("agree to a list", "p0@x.test")])  # fmt: skip
@example([("pattern", ""), ("import", ""), ("add", "new@x.test"), ("pull", "new@x.test"), ("lift", "new@x.test"),
          ("import", ""), ("lift pattern", ""), ("pattern", "")])  # fmt: skip
@example([("blocks", "new@x.test"), ("lift", "new@x.test"), ("blocks", "new@x.test"), ("undo", "")])
def test_nobody_is_mailable_again_but_by_lifting(steps):
    world = World()
    for kind, email in steps:
        world.do(kind, email)
        assert world.suppressed() == world.out, (kind, email)
        for contact in Contact.objects.filter(workspace=world.workspace):
            assert queries.is_suppressed(contact) is (contact.email in world.out)
