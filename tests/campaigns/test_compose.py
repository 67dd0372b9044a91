from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow
from audiences.models import Tag
from campaigns.forms.compose import ComposeForm
from campaigns.models import Campaign, CampaignVersion, Template
from campaigns.services import compose
from tests.campaigns.segments import make_segment, speaks
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ListFactory,
    SenderFactory,
    TemplateFactory,
    WorkspaceFactory,
)


@pytest.fixture
def editor(member):
    return member("editor")


@pytest.fixture
def campaign(workspace, editor):
    return compose.create_campaign(workspace=workspace, by=editor, name="Bells")


def save(campaign: Campaign, by, **changes):
    values = {
        "version": campaign.version,
        "name": campaign.name,
        "subject": campaign.subject,
        "preview_text": campaign.preview_text,
        "form": campaign.form,
        "blocks": campaign.blocks,
        "html": campaign.html,
        "reply_to": campaign.reply_to,
        "connection": campaign.connection,
        "sender": campaign.sender,
        "lists": campaign.lists.all(),
        "segments": campaign.segments.all(),
    }
    return compose.save_campaign(campaign=campaign, by=by, **(values | changes))


def numbers(campaign):
    return list(campaign.versions.order_by("number").values_list("number", flat=True))


def test_what_leaves_no_choice_is_filled_in(workspace, editor):
    connection = ConnectionFactory(workspace=workspace)
    sender = SenderFactory(workspace=workspace)
    SenderFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=connection,
        kind=MirrorKind.SENDER,
        object_id=sender.pk,
        remote_id="1",
        theirs={"is_active": True},
    )

    campaign = compose.create_campaign(workspace=workspace, by=editor)

    assert (campaign.connection, campaign.sender, campaign.version) == (connection, sender, 1)


def test_typing_is_one_version_and_a_press_makes_one_of_its_own(campaign, editor):
    campaign = save(campaign, editor, subject="B")
    campaign = save(campaign, editor, subject="Be")
    campaign = save(campaign, editor, subject="Bell")
    assert (campaign.version, numbers(campaign)) == (4, [1, 4])

    campaign = save(campaign, editor, subject="Bells", by_hand=True)
    assert numbers(campaign) == [1, 4, 5]

    CampaignVersion.objects.filter(number=5).update(at=timezone.now() - timedelta(minutes=6))
    campaign = save(campaign, editor, subject="Bells at noon")
    assert numbers(campaign) == [1, 4, 5, 6]


def test_another_person_begins_another_version(campaign, editor, member):
    campaign = save(campaign, editor, subject="One")
    campaign = save(campaign, member("editor"), subject="Two")

    assert numbers(campaign) == [1, 2, 3]


def test_saving_nothing_new_writes_nothing(campaign, editor):
    saved = save(campaign, editor)

    assert (saved.version, numbers(campaign)) == (1, [1])


def test_a_newer_save_is_never_overwritten(campaign, editor, member):
    save(campaign, editor, subject="Theirs")

    with pytest.raises(compose.SavedMeanwhile, match=str(editor)):
        save(campaign, member("editor"), version=1, subject="Mine")

    campaign.refresh_from_db()
    assert campaign.subject == "Theirs"


@pytest.mark.parametrize("values", [{"status": "scheduled"}, {"status": "sent"}, {"is_imported": True}])
def test_only_own_drafts_can_be_changed(campaign, editor, values):
    Campaign.objects.filter(pk=campaign.pk).update(**values)

    for refused in (
        lambda: save(campaign, editor, subject="x"),
        lambda: compose.restore_version(campaign=campaign, number=1, by=editor),
        lambda: compose.rename_campaign(campaign=campaign, name="x", by=editor),
        lambda: compose.delete_campaign(campaign=campaign, by=editor),
    ):
        with pytest.raises(compose.CannotSave):
            refused()


def test_restore_brings_back_content_audience_and_sender(campaign, editor, workspace):
    list_ = ListFactory(workspace=workspace)
    sender = SenderFactory(workspace=workspace)
    first = save(campaign, editor, subject="First", lists=[list_], sender=sender, by_hand=True)
    save(first, editor, subject="Second", lists=[], sender=None, blocks=[], by_hand=True)

    restored = compose.restore_version(campaign=campaign, number=2, by=editor)

    assert (restored.subject, restored.sender, list(restored.lists.all())) == ("First", sender, [list_])
    assert restored.blocks == first.blocks
    assert numbers(campaign) == [1, 2, 3, 4]
    assert ActivityEntry.objects.filter(verb="campaign.restored").count() == 1


def test_restore_and_copy_keep_the_segments_there_still_are(campaign, editor, workspace):
    kept, archived = make_segment(workspace, "Kept"), make_segment(workspace, "Archived")
    first = save(campaign, editor, segments=[kept, archived], by_hand=True)
    archived.archived_at = timezone.now()
    archived.save()

    copy = compose.duplicate_campaign(campaign=first, by=editor)
    save(first, editor, segments=[], by_hand=True)
    restored = compose.restore_version(campaign=campaign, number=2, by=editor)

    assert (list(copy.segments.all()), list(restored.segments.all())) == ([kept], [kept])
    assert restored.versions.get(number=4).state["segments"] == [kept.pk]


def test_a_version_from_before_segments_comes_back(campaign, editor, workspace):
    CampaignVersion.objects.update(state={**compose.state_of(campaign), "name": "Old"})
    state = CampaignVersion.objects.get().state
    del state["segments"]
    CampaignVersion.objects.update(state=state)

    assert compose.restore_version(campaign=campaign, number=1, by=editor).name == "Old"


def test_a_version_that_names_what_is_gone_still_comes_back(campaign, editor, workspace):
    sender = SenderFactory(workspace=workspace)
    save(campaign, editor, sender=sender, by_hand=True)
    campaign.refresh_from_db()
    save(campaign, editor, sender=None, by_hand=True)
    sender.delete()

    assert compose.restore_version(campaign=campaign, number=2, by=editor).sender is None
    with pytest.raises(compose.CannotSave):
        compose.restore_version(campaign=campaign, number=99, by=editor)


def test_writing_html_begins_with_what_the_blocks_say(campaign, editor):
    blocks = [{"id": "a", "type": "heading", "text": "Noon"}]

    saved = save(campaign, editor, form="html", blocks=blocks)

    assert "Noon" in saved.html
    assert saved.blocks[0]["text"] == "Noon"


def test_duplicate_is_a_draft_of_its_own(workspace, editor):
    campaign = CampaignFactory(workspace=workspace, status="sent", is_imported=True)
    campaign.lists.add(ListFactory(workspace=workspace))

    copy = compose.duplicate_campaign(campaign=campaign, by=editor)

    assert (copy.name, copy.subject, copy.status, copy.is_imported) == (
        f"Copy of {campaign.name}", campaign.subject, "draft", False,
    )  # fmt: skip
    assert list(copy.lists.all()) == list(campaign.lists.all())


def test_delete_takes_the_versions_and_leaves_a_trace(campaign, editor):
    compose.delete_campaign(campaign=campaign, by=editor)

    assert not Campaign.objects.exists()
    assert not CampaignVersion.objects.exists()
    assert (
        ActivityEntry.objects.filter(verb="campaign.deleted").get().sentence == "Deleted the draft “Bells”."
    )


def test_a_campaign_becomes_a_template_and_back(campaign, editor, workspace):
    campaign = save(campaign, editor, subject="S", preview_text="P")

    template = compose.create_template(workspace=workspace, by=editor, campaign=campaign)
    again = compose.create_campaign(workspace=workspace, by=editor, template=template)

    assert (template.name, again.subject, again.preview_text, again.blocks) == (
        "Bells",
        "S",
        "P",
        campaign.blocks,
    )
    assert again.mjml == campaign.mjml


def test_templates_are_not_overwritten_either(workspace, editor):
    template = TemplateFactory(workspace=workspace)
    values = {"name": "A", "subject": "", "preview_text": "", "form": "html", "blocks": [], "html": "<p>"}
    compose.save_template(template=template, by=editor, version=1, **values)

    with pytest.raises(compose.SavedMeanwhile):
        compose.save_template(template=template, by=editor, version=1, **values)
    assert Template.objects.get().version == 2


def test_lists_of_one_name_say_whose_they_are_and_those_of_the_account_come_first(workspace):
    club, shop = (ConnectionFactory(workspace=workspace, name=name) for name in ("Club", "Shop"))
    campaign = CampaignFactory(workspace=workspace, connection=shop)
    for connection, name in ((club, "News"), (shop, "News"), (club, "Autumn"), (shop, "Winter")):
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, remote_id=name,
            object_id=ListFactory(workspace=workspace, name=name, subscribed_count=4).pk,
        )  # fmt: skip

    form = ComposeForm(target=campaign, senders=[])

    assert [label for _, label in form.fields["lists"].choices] == [
        "\u2068News\u2069 · Shop (4)",
        "\u2068Winter\u2069 (4)",
        "\u2068Autumn\u2069 (4)",
        "\u2068News\u2069 · Club (4)",
    ]


def test_an_archived_list_is_offered_only_where_it_is_chosen(workspace):
    campaign = CampaignFactory(workspace=workspace)
    kept, other = (ListFactory(workspace=workspace, name=name, archived_at=timezone.now()) for name in "AB")
    campaign.lists.add(kept)

    field = ComposeForm(target=campaign, senders=[]).fields["lists"]

    assert [label for _, label in field.choices] == ["\u2068A\u2069 (0) – archived"]
    assert list(field.clean([kept.pk])) == [kept]
    with pytest.raises(ValidationError):
        field.clean([other.pk])


def test_segments_say_why_they_cannot_be_chosen_and_those_chosen_stay(workspace):
    campaign = CampaignFactory(workspace=workspace)
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    tagged = {"kind": "tag", "of": tag.pk, "op": "has", "name": "VIP"}
    broken = make_segment(workspace, "Broken", tagged)
    kept = make_segment(workspace, "Chosen and broken", tagged)
    archived = make_segment(workspace, "Old", archived_at=timezone.now())
    good = make_segment(
        workspace,
        "Good",
        speaks("fr"),
        mailable_count=1200,
        agreed_count=900,
        left_count=100,
        counted_at=timezone.now() - timedelta(hours=3),
    )
    campaign.segments.add(kept)
    tag.delete()

    form = ComposeForm(target=campaign, senders=[])
    shown = [
        (option.data["value"], option.choice_label, option.data["attrs"].get("disabled", False))
        for option in form["segments"]
    ]

    gone = "The tag “VIP” is gone"
    assert shown == [
        (broken.pk, f"Broken – {gone}", True),
        (kept.pk, f"Chosen and broken – {gone}", False),
        (
            good.pk,
            "\u2068Good\u2069 (of 1\xa0200 mailable, 900 would get it; 100 unsubscribed, 200 no consent on record; counted 3 h ago)",
            False,
        ),
    ]
    field = form.fields["segments"]
    assert set(field.clean([kept.pk, good.pk])) == {kept, good}
    for refused in (broken, archived, make_segment(WorkspaceFactory(), "Foreign")):
        with pytest.raises(ValidationError):
            field.clean([refused.pk])


@pytest.mark.parametrize(
    ("agreed", "left", "told"),
    [
        (None, None, "2 mailable"),
        (2, 0, "2 mailable"),
        (1, None, "of 2 mailable, 1 would get it"),
        (1, 1, "of 2 mailable, 1 would get it; 1 unsubscribed"),
        (0, 0, "of 2 mailable, 0 would get it; 2 no consent on record"),
    ],
)
def test_a_segment_tells_how_many_would_get_a_campaign_as_far_as_it_was_counted(
    workspace, agreed, left, told
):
    make_segment(workspace, "A", speaks("fr"), mailable_count=2, agreed_count=agreed, left_count=left)
    form = ComposeForm(target=CampaignFactory(workspace=workspace), senders=[])

    assert [label for _, label in form.fields["segments"].choices] == [f"\u2068A\u2069 ({told})"]


def test_the_form_asks_as_much_for_three_segments_as_for_one(workspace):
    campaign = CampaignFactory(workspace=workspace)
    counts = []
    for names in (["A"], ["B", "C"]):
        for name in names:
            make_segment(workspace, name, speaks(name))
        with CaptureQueriesContext(database) as queries:
            list(ComposeForm(target=campaign, senders=[])["segments"])
        counts.append(len(queries))

    assert counts[0] == counts[1]
