"""A person changed by hand: nothing lost between two editors, nobody mailable who left."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.records import ContactRecord, EventRecord, Page
from audiences import services
from audiences.forms.editing import EditForm
from audiences.mirror import merge
from audiences.mirror.contacts import Reader, sift
from audiences.models import Consent, ConsentBasis, Contact, Field, FormerAddress, Subscription, Suppression
from audiences.queries import evidence
from audiences.queries.contacts import People
from reporting import rollups
from reporting.models import Event
from tests.audiences.importing import bring, undo
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(workspace):
    for key, kind in (("size", "number"), ("born", "date"), ("vip", "boolean"), ("note", "text")):
        Field.objects.create(workspace=workspace, key=key, label=key.title(), kind=kind)
    Field.objects.create(
        workspace=workspace, key="colour", label="Colour", kind="choice", choices=["Red", "Blue"]
    )
    return ContactFactory(
        workspace=workspace, email="ana@x.test", first_name="Ana", last_name="", city="Bern",
        custom={"size": 38, "born": "1990-02-03", "vip": False, "colour": "Green", "many": ["a", "b"]},
    )  # fmt: skip


def page_of(contact, **typed):
    """The form as the page shows it, with what is typed over it."""
    form = EditForm(contact=contact)
    names = {"email": "email", "version": "version", "seen": "seen"}
    shown = {name: form.initial[name] for name in [*names, *(f"field_{key}" for key in form.definitions)]}
    return shown | {name if name in names else f"field_{name}": value for name, value in typed.items()}


def url(contact, rest=""):
    return f"/w/acme/contacts/{contact.pk}/{rest}"


def read(connection, contact_email, remote_id="7", **more):
    record = ContactRecord(remote_id=remote_id, email=contact_email, modified_at=timezone.now(), **more)
    page = Reader(columns={}, keys={}, lists={}).read(Page(items=(record,), cursor=None))
    return merge.merge_contacts(connection, sift([page]).rows, pull=None)


def test_every_kind_of_field_is_edited(browse, ana):
    client = browse("editor")
    form = client.get(url(ana, "edit/")).content.decode()
    assert 'type="date"' in form
    assert "Green (no longer a choice)" in form
    typed = page_of(
        ana, first_name="Änne", size="38.5", born="1991-02-03", vip="yes", colour="Blue", note=" x ", city=""
    )
    assert client.post(url(ana, "edit/"), typed).url == url(ana)
    ana.refresh_from_db()
    assert (ana.first_name, ana.city, ana.version) == ("Änne", "", 2)
    assert ana.custom == {
        "size": 38.5, "born": "1991-02-03", "vip": True, "colour": "Blue", "note": "x", "many": ["a", "b"],
    }  # fmt: skip
    entry = ActivityEntry.objects.get(verb="contact.edited")
    assert (entry.sentence, entry.before, entry.after) == (
        "Edited a contact.", {"version": 1},
        {"version": 2, "fields": ["born", "city", "colour", "first_name", "note", "size", "vip"]},
    )  # fmt: skip


def test_what_was_left_alone_stays_as_it_is(browse, ana):
    Contact.objects.filter(pk=ana.pk).update(custom=ana.custom | {"born": "31 Feb", "size": "big"})
    ana.refresh_from_db()
    before = ana.custom
    client = browse("editor")
    assert (
        "This is no date. Correct it, or leave it as it is." in client.get(url(ana, "edit/")).content.decode()
    )
    client.post(url(ana, "edit/"), page_of(ana))
    ana.refresh_from_db()
    assert (ana.custom, ana.version) == (before, 1)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("born", "1958-07-28T00:00:00.000Z", 'value="1958-07-28"'),
        ("born", "31 Feb", 'value="31 Feb"'),
        ("size", "1,234.5", 'value="1234.5"'),
        ("size", 10**30, f'value="{10**30}"'),
        ("size", 85.0, 'value="85.0"'),
        ("vip", "ja", 'value="yes" selected'),
        ("note", "two\r\nlines ", "two\r\nlines </textarea>"),
        ("note", 7, 'value="7"'),
        ("colour", "Green", 'value="Green" selected'),
    ],
)
def test_the_widgets_of_a_browser_give_back_what_they_were_given(browse, ana, key, value, shown):
    Contact.objects.filter(pk=ana.pk).update(custom={key: value})
    client = browse("editor")
    page = client.get(url(ana, "edit/"))
    assert shown in page.content.decode()
    sent = {"email": ana.email, "version": 1, "seen": page.context["form"].initial["seen"]}
    for field in page.context["form"].person_fields():
        text = field.value()
        sent[field.html_name] = (text or "").strip().replace("\r", "").replace("\n", "\r\n")
    client.post(url(ana, "edit/"), sent | {"field_city": "Ulm"})
    ana.refresh_from_db()
    assert (ana.city, ana.custom) == ("Ulm", {key: value})


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"email": "nobody"}, "This is no address"),
        ({"email": "ſ@x.test"}, "This is no address"),
        ({"size": "big"}, "Enter a number"),
        ({"born": "31.2.2024"}, "Enter a valid date"),
        ({"colour": "Pink"}, "Select a valid choice"),
        ({"city": "x" * 121}, "at most 120"),
    ],
)
def test_what_does_not_fit_is_refused_and_stays_in_the_form(browse, ana, typed, says):
    page = browse("editor").post(url(ana, "edit/"), page_of(ana, note="kept", **typed))
    text = page.content.decode()
    assert (page.status_code, says in text, "kept" in text) == (422, True, True)
    ana.refresh_from_db()
    assert ana.version == 1


BAD = {"phone": "call me", "language": "Klingon", "size": "big", "note": "a\x00b"}
SAID = {
    "email": ["This is no address that can be written to."],
    "field_phone": ["This is no phone number. Write it like +41 44 123 45 67."],
    "field_language": ["This is no language. Write it like de, pt-BR or German."],
    "field_size": ["Enter a number."],
    "field_note": ["Null characters are not allowed."],
}


def test_all_that_does_not_fit_is_told_at_once_each_at_its_field(browse, ana):
    page = browse("editor").post(url(ana, "edit/"), page_of(ana, email="nobody", city="Ulm", **BAD))

    form = page.context["form"]
    assert (page.status_code, form.errors) == (422, SAID)
    assert [form[name].value() for name in ("email", "field_phone", "field_city")] == [
        "nobody", "call me", "Ulm",
    ]  # fmt: skip


@pytest.mark.parametrize("page", ["contacts/new/", "privacy/", "contacts/{}/edit/"])
def test_no_browser_rewrites_a_domain_before_it_comes_here(browse, ana, page):
    text = browse("admin").get(f"/w/acme/{page.format(ana.pk)}").content.decode()

    assert ('inputmode="email"' in text, 'type="email"' in text) == (True, False)


def test_a_domain_keeps_its_letters(browse, ana):
    browse("editor").post(url(ana, "edit/"), page_of(ana, email="ana@straße.example"))
    ana.refresh_from_db()
    assert ana.email == "ana@xn--strae-oqa.example"


def test_all_that_does_not_fit_a_new_person_is_told_at_once(browse, ana):
    news = ListFactory(workspace=ana.workspace)
    typed = {f"field_{key}": text for key, text in BAD.items()} | {"email": "nobody", "field_city": "Ulm"}
    typed |= {"on_list": news.pk, "consent_date": "2999-01-01"}

    page = browse("editor").post("/w/acme/contacts/new/", typed)

    form = page.context["form"]
    assert (page.status_code, form.errors) == (
        422,
        SAID
        | {
            "consent_source": ["Where did this person agree to be written to?"],
            "consent_date": ["This day has not come yet."],
        },
    )
    assert (form["email"].value(), form["field_city"].value()) == ("nobody", "Ulm")


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("size", "big", "This is no number. Write it like 1234.5."),
        ("born", "31.2.2024", "This is no date. Write it like 2026-12-31."),
        ("vip", "perhaps", "Say yes or no."),
        ("colour", "Pink", "Choose one of the choices of this field."),
        ("note", "x" * 2001, "This field holds 2000 letters at most."),
        ("city", "x" * 121, "This field holds 120 letters at most."),
        ("note", "a\x00", "This text holds a letter that cannot be kept. Type it again."),
        ("language", "Klingon", "This is no language. Write it like de, pt-BR or German."),
        ("language", "de!", "This is no language. Write it like de, pt-BR or German."),
        ("phone", "call me", "This is no phone number. Write it like +41 44 123 45 67."),
        ("phone", "+ () -", "This is no phone number. Write it like +41 44 123 45 67."),
    ],
)
def test_a_value_is_refused_alike_for_one_person_for_many_and_for_a_new_one(
    workspace, ana, by, key, text, says
):
    with pytest.raises(services.CannotEdit) as one:
        services.edit_person(contact=ana, by=by, email=ana.email, fields={key: text}, seen={}, version=1)
    with pytest.raises(services.CannotBulk) as many:
        services.begin_bulk(
            workspace=workspace, by=by, action="set_field", people=People(workspace),
            arguments={"field": key, "value": text},
        )  # fmt: skip
    with pytest.raises(services.CannotImport) as new:
        services.add_person(workspace=workspace, by=by, email="new@x.test", fields={key: text})
    assert (one.value.fields, many.value.fields, new.value.fields) == (
        {f"field_{key}": says}, {"value": says}, {f"field_{key}": says},
    )  # fmt: skip


def test_a_choice_of_which_no_choices_are_known_is_a_text(browse, workspace, ana, by):
    Field.objects.create(workspace=workspace, key="mood", label="Mood", kind="choice")
    typed = page_of(ana, mood="Sunny")
    assert browse("editor").post(url(ana, "edit/"), typed).url == url(ana)
    ana.refresh_from_db()
    assert ana.custom["mood"] == "Sunny"
    services.begin_bulk(
        workspace=workspace, by=by, action="set_field", people=People(workspace),
        arguments={"field": "mood", "value": "Grey"},
    )  # fmt: skip
    ana.refresh_from_db()
    assert ana.custom["mood"] == "Grey"


def test_the_second_editor_is_told_field_by_field(browse, ana, by, workspace):
    client = browse("editor")
    mine = page_of(ana, first_name="Anna", note="mine")
    services.edit_person(
        contact=ana,
        by=by,
        email="ana@x.test",
        fields={"first_name": "Anne", "city": "Ulm"},
        seen={},
        version=1,
    )
    told = client.post(url(ana, "edit/"), mine)
    text = told.content.decode()
    assert told.status_code == 409
    assert "<bdi>First name</bdi> is now “<bdi>Anne</bdi>”" in text
    assert str(by) in text
    assert "You left it alone, so it stays." in text
    form = told.context["form"]
    again = {name: form.data[name] for name in mine}
    assert (again["field_first_name"], again["field_note"], again["field_city"]) == ("Anna", "mine", "Ulm")
    choice = {"take_first_name": "theirs", "theirs_first_name": "Anne"}
    assert client.post(url(ana, "edit/"), again | choice).url == url(ana)
    ana.refresh_from_db()
    assert (ana.first_name, ana.city, ana.custom["note"], ana.version) == ("Anne", "Ulm", "mine", 3)


def test_mine_can_win(browse, ana, by):
    client = browse("editor")
    mine = page_of(ana, first_name="Anna")
    Contact.objects.filter(pk=ana.pk).update(first_name="Anne", version=2)
    told = client.post(url(ana, "edit/"), mine)
    assert "An account or an import" in told.content.decode()
    form = told.context["form"]
    client.post(url(ana, "edit/"), {name: form.data[name] for name in mine} | {"take_first_name": "mine"})
    ana.refresh_from_db()
    assert ana.first_name == "Anna"


def test_changes_of_other_fields_are_no_conflict(browse, ana):
    mine = page_of(ana, first_name="Anna")
    Contact.objects.filter(pk=ana.pk).update(city="Ulm", version=2)
    browse("editor").post(url(ana, "edit/"), mine)
    ana.refresh_from_db()
    assert (ana.first_name, ana.city) == ("Anna", "Ulm")


def test_a_taken_address_offers_to_merge(browse, ana, workspace):
    other = ContactFactory(workspace=workspace, email="other@x.test")
    page = browse("editor").post(url(ana, "edit/"), page_of(ana, email=" OTHER@x.test"))
    assert page.status_code == 422
    assert f"/w/acme/contacts/{ana.pk}/merge/?with={other.pk}" in page.content.decode()


def test_a_new_address_of_somebody_who_left_is_blocked_as_well(ana, by, workspace):
    connection = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=connection,
        kind=MirrorKind.CONTACT,
        object_id=ana.pk,
        remote_id="7",
        theirs={"blocked": True},
    )
    SuppressionFactory(contact=ana, connection=connection)
    services.edit_person(contact=ana, by=by, email="Ana@new.test", fields={}, seen={}, version=1)
    assert sorted(Suppression.objects.filter(contact=ana).values_list("email", "reason", "connection")) == [
        ("ana@new.test", "unsubscribed", connection.pk), ("ana@x.test", "unsubscribed", connection.pk),
    ]  # fmt: skip
    assert [entry.subject_id for entry in OutboxEntry.objects.filter(task="audiences.block")] == [ana.pk]
    row = Suppression.objects.get(email="ana@new.test")
    assert (
        evidence(row, campaigns={}, shows_addresses=True) == "carried over when the address was changed here"
    )


def test_a_new_address_with_a_block_of_its_own_keeps_the_stricter_of_both(ana, by, workspace):
    account = ConnectionFactory(workspace=workspace)
    now = timezone.now()
    facts = {
        # From the same source: what is worse, and when it was told last.
        ("ana@x.test", account): ("complained", now - timedelta(days=9)),
        ("ana@new.test", account): ("bounced", now - timedelta(days=3)),
        ("ana@new.test", None): ("by_hand", now - timedelta(days=2)),
    }
    for (email, source), (reason, at) in facts.items():
        services.suppress(
            workspace=workspace, email=email, reason=reason, connection=source, at=at, evidence={}
        )
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    rows = Suppression.objects.filter(email="ana@new.test").order_by("connection")
    assert [(row.contact, row.connection, row.reason, row.at) for row in rows] == [
        (ana, account, "complained", now - timedelta(days=3)),
        (ana, None, "by_hand", now - timedelta(days=2)),
    ]


def test_blocks_of_every_address_somebody_had_go_along(ana, by, workspace):
    """Two of one source, under two addresses of before: the worse reason, the later time."""
    now = timezone.now()
    for days, reason, email in ((9, "complained", "ana@x.test"), (1, "bounced", "ana@old.test")):
        Suppression.objects.create(
            workspace=workspace, contact=ana, email=email, reason=reason, at=now - timedelta(days=days)
        )
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    row = Suppression.objects.get(email="ana@new.test")
    assert (row.contact, row.reason, row.at) == (ana, "complained", now - timedelta(days=1))


def test_an_address_stays_until_its_block_is_confirmed(ana, by, workspace):
    connection = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="7")
    services.suppress_by_hand(contact=ana, by=by, reason="Asked")
    with pytest.raises(services.CannotEdit) as refused:
        services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    assert "has not confirmed yet" in refused.value.fields["email"]


@pytest.mark.parametrize("blocks", ["address", "pattern"])
def test_a_blocked_address_blocks_whoever_takes_it(ana, by, workspace, blocks):
    text = "ana@gone.test" if blocks == "address" else "*@gone.test"
    fact = services.Fact(text, "bounced", timezone.now())
    suppress = services.suppress_all if blocks == "address" else services.suppress_patterns
    suppress(workspace=workspace, connection=None, facts=[fact])
    services.edit_person(contact=ana, by=by, email="ana@gone.test", fields={}, seen={}, version=1)
    assert Suppression.objects.filter(contact=ana, lifted_at=None).count() == 1


def test_the_address_of_somebody_who_left_is_not_given_to_another(ana, by, workspace):
    ben = ContactFactory(workspace=workspace, email="ben@x.test")
    SuppressionFactory(contact=ben)
    services.edit_person(contact=ben, by=by, email="ben@new.test", fields={}, seen={}, version=1)
    with pytest.raises(services.CannotEdit, match="the address of somebody else"):
        services.edit_person(contact=ana, by=by, email="ben@x.test", fields={}, seen={}, version=1)


def test_what_is_told_of_the_old_address_counts_for_the_person(ana, by, workspace):
    connection = ConnectionFactory(workspace=workspace)
    read(connection, "ana@x.test")
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=2)
    assert read(connection, "ana@x.test")["created"] == 0
    assert read(connection, "ana@x.test", blocked=True)["suppressed"] == 1
    assert Contact.objects.get(workspace=workspace).email == "ana@new.test"
    assert Suppression.objects.filter(contact=ana).count() == 1


def test_a_leave_of_the_old_address_is_the_persons(ana, by, workspace):
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    services.suppress(
        workspace=workspace,
        email="ana@x.test",
        reason="complained",
        connection=None,
        at=timezone.now(),
        evidence={},
    )
    assert Suppression.objects.get().contact == ana


def test_an_address_changed_back_is_no_longer_a_former_one(ana, by, workspace):
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    services.edit_person(contact=ana, by=by, email="ana@x.test", fields={}, seen={}, version=2)
    assert [*FormerAddress.objects.values_list("email", flat=True)] == ["ana@new.test"]


def join(contact, on_list, by, was="", day=None, source="Shop"):
    services.change_subscription(
        contact=contact, on_list=on_list, by=by, status="subscribed", was=was, consent_source=source,
        consent_date=day or timezone.localdate(),
    )  # fmt: skip


def test_a_person_is_put_on_a_list_with_the_proof(browse, ana, workspace):
    news = ListFactory(workspace=workspace, name="News")
    client = browse("editor")
    typed = {"on_list": news.pk, "status": "subscribed", "was": ""}
    page = client.post(url(ana, "lists/"), typed).content.decode()
    assert "Where did this person agree to be written to?" in page
    client.post(url(ana, "lists/"), typed | {"consent_source": "Shop", "consent_date": "2026-01-02"})
    consent = Consent.objects.get()
    assert (consent.list, consent.kind, consent.at, consent.basis.source) == (
        news, "given", datetime(2026, 1, 2, tzinfo=UTC), "Shop",
    )  # fmt: skip
    row = Subscription.objects.get()
    news.refresh_from_db()
    assert (row.status, news.subscribed_count) == ("subscribed", 1)


@pytest.mark.parametrize("by_file", [True, False])
def test_a_consent_typed_in_outlives_the_work_that_named_the_same_source(by_file, ana, by, workspace):
    news, other = ListFactory(workspace=workspace), ListFactory(workspace=workspace)
    if by_file:
        mine = bring(workspace, by, "Email\nana@x.test\n", on_list=news, consent_source="Shop")
    else:
        mine = services.begin_bulk(
            workspace=workspace, by=by, action="add_to_list", people=People(workspace),
            arguments={"list": news.pk}, consent_source="Shop",
        )  # fmt: skip
    for chosen in (other, ListFactory(workspace=workspace)):
        join(ana, chosen, by)
    typed = list(Consent.objects.exclude(basis=mine.basis).values_list("pk", flat=True))

    if by_file:
        undo(mine, by)
    else:
        mine.refresh_from_db()
        services.undo_bulk(mine=mine, by=by)

    assert list(Consent.objects.standing().values_list("pk", flat=True)) == typed
    assert (len(typed), ConsentBasis.objects.count()) == (2, 2)


def test_who_is_suppressed_is_put_on_no_list(ana, workspace, member):
    SuppressionFactory(contact=ana)
    with pytest.raises(services.CannotEdit, match="suppressed"):
        join(ana, ListFactory(workspace=workspace), member("approver"))


def test_who_left_comes_back_by_an_approver_and_a_consent_given_since(ana, by, workspace, member):
    left = timezone.now() - timedelta(days=5)
    news = ListFactory(workspace=workspace)
    SubscriptionFactory(list=news, contact=ana, status="unsubscribed", changed_at=left)
    with pytest.raises(services.CannotEdit, match="Only an approver"):
        join(ana, news, by, was="unsubscribed")
    approver = member("approver")
    with pytest.raises(services.CannotEdit) as refused:
        join(ana, news, approver, was="unsubscribed", day=left.date())
    assert "consent_date" in refused.value.fields
    join(ana, news, approver, was="unsubscribed", day=left.date() + timedelta(days=1))
    assert Subscription.objects.get().status == "subscribed"


def test_a_leave_is_not_forgotten_by_taking_somebody_off(ana, by, workspace):
    news = ListFactory(workspace=workspace)
    SubscriptionFactory(list=news, contact=ana)
    change = {"contact": ana, "on_list": news, "by": by}
    with pytest.raises(services.CannotEdit, match="changed while you were looking"):
        services.change_subscription(**change, status="unsubscribed", was="pending")
    services.change_subscription(**change, status="unsubscribed", was="subscribed")
    with pytest.raises(services.CannotEdit, match="stays so"):
        services.change_subscription(**change, status="removed", was="unsubscribed")
    assert [(c.kind, c.basis.source) for c in Consent.objects.all()] == [("withdrawn", "By hand")]


def test_a_leave_of_an_archived_list_is_recorded_and_nobody_joins_it(browse, ana, workspace):
    old = ListFactory(workspace=workspace, archived_at=timezone.now())
    SubscriptionFactory(list=old, contact=ana)
    page = browse("editor").get(url(ana, f"lists/{old.pk}/"))
    assert [value for value, _ in page.context["form"].fields["status"].choices] == [
        "unsubscribed",
        "removed",
    ]

    sent = {"on_list": old.pk, "was": "subscribed", "status": "unsubscribed"}
    assert browse("editor").post(url(ana, f"lists/{old.pk}/"), sent).status_code == 302
    assert ana.subscriptions.get().status == "unsubscribed"


def test_roles_and_workspaces(browse, ana, workspace):
    foreign, viewer, editor = ContactFactory(workspace=WorkspaceFactory()), browse("viewer"), browse("editor")
    news = ListFactory(workspace=workspace)
    for path in ("edit/", "lists/", "merge/"):
        assert viewer.get(url(ana, path)).status_code == 403
        assert editor.get(url(foreign, path)).status_code == 404
        assert editor.get(url(ana, path)).status_code == 200
    assert editor.get(url(ana, f"lists/{news.pk}/")).status_code == 404
    assert "Edit" not in viewer.get(url(ana)).content.decode().partition("<h2>Person</h2>")[2][:300]


def test_what_the_page_showed_may_be_nonsense(browse, ana):
    client = browse("editor")
    for seen in ("[]", "{", '{"email": 3}', "null"):
        client.post(url(ana, "edit/"), page_of(ana, seen=seen, note="x"))
    assert json.loads(page_of(ana)["seen"])["city"] == "Bern"


def test_events_of_a_mail_sent_before_belong_to_the_person(ana, by, workspace):
    connection = ConnectionFactory(workspace=workspace)
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    record = EventRecord(kind="opened", email="Ana@x.test", at=timezone.now(), key="1")
    with transaction.atomic():
        rollups.begin()
        rollups.stage([record], connection=connection)
        rollups.roll_up(connection)
    assert Event.objects.get().contact == ana


def test_a_choice_is_chosen_not_typed(browse, workspace):
    Field.objects.create(
        workspace=workspace, key="plan", label="Plan", kind="choice", choices=["Free", "Member"]
    )
    client = browse("editor")
    page = client.post("/w/acme/contacts/new/", {"email": "new@x.test", "field_plan": "Gold"})
    assert page.status_code == 422
    assert "Gold is not one of the available choices" in page.content.decode()
    client.post("/w/acme/contacts/new/", {"email": "new@x.test", "field_plan": "Member"})
    assert Contact.objects.get(email="new@x.test").custom == {"plan": "Member"}


@pytest.mark.parametrize("was_suppressed", [False, True])
def test_an_address_that_is_suppressed_is_told_when_it_becomes_somebodys(
    was_suppressed, ana, workspace, browse
):
    SuppressionFactory(workspace=workspace, contact=None, email="gone@x.test", reason="complained")
    if was_suppressed:
        SuppressionFactory(contact=ana)
    typed = page_of(ana, email="gone@x.test")

    page = browse("editor").post(url(ana, "edit/"), typed, follow=True).content.decode()

    told = "Saved. This address is suppressed: “Complained”. Nobody here writes to this person any more."
    assert (told in page, "Saved." in page) == (not was_suppressed, True)
