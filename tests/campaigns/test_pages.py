"""The pages on which campaigns are written: who gets in, what a post does, what htmx swaps."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow
from audiences.models import Contact
from campaigns.models import Campaign, Delivery, Template
from campaigns.queries.chosen import choice_of
from campaigns.services import compose
from tests.campaigns.segments import change_segment, make_segment, speaks
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SenderFactory,
    SubscriptionFactory,
    TemplateFactory,
    WorkspaceFactory,
)
from tests.reporting.calls import make_delivery

HOSTILE = '"><script>alert(1)</script>{% url "x" %}\u202e'


@pytest.fixture
def campaign(workspace):
    """A draft with an account, a confirmed sender and a list of three people."""
    account = ConnectionFactory(workspace=workspace)
    sender = SenderFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=account,
        kind=MirrorKind.SENDER,
        object_id=sender.pk,
        remote_id="7",
        theirs={"is_active": True},
    )
    campaign = CampaignFactory(workspace=workspace, connection=account, sender=sender, form="blocks", html="")
    campaign.blocks = [
        {"id": "h1", "type": "heading", "text": "Bells at noon", "size": "large", "align": "left"},
        {"id": "t1", "type": "text", "text": "Come **all**", "align": "left"},
        {"id": "f1", "type": "footer", "text": ""},
    ]
    campaign.save()
    list_ = ListFactory(workspace=workspace)
    for name in ("Ana", "", "Cem"):
        SubscriptionFactory(list=list_, contact__first_name=name, contact__workspace=workspace)
    campaign.lists.add(list_)
    return campaign


def typed(campaign: Campaign, **changes: object) -> dict[str, object]:
    """What the compose form sends for a campaign of the fixture's blocks."""
    return {
        "name": campaign.name,
        "subject": campaign.subject,
        "preview_text": campaign.preview_text,
        "written_as": "blocks",
        "html": "",
        "reply_to": "",
        "connection": campaign.connection_id or "",
        "sender": campaign.sender_id or "",
        "lists": list(campaign.lists.values_list("pk", flat=True)),
        "version": campaign.version,
        "layout": "h1:heading,t1:text,f1:footer",
        "b-h1-text": "Bells at noon",
        "b-h1-size": "large",
        "b-h1-align": "left",
        "b-t1-text": "Come **all**",
        "b-t1-align": "left",
        "b-f1-text": "",
    } | changes


def deliver(campaign: Campaign, **values: object) -> Delivery:
    fixed = {
        "subject": "S", "html": "H", "sender_name": "N", "sender_email": "n@e.test", "fingerprint": "f",
        "send_at": timezone.now(), "zone": "UTC", "content_hash": "", "released_by": None,
    }  # fmt: skip
    return Delivery.objects.create(campaign=campaign, connection=campaign.connection, **fixed | values)


def page(name: str, *args: object) -> str:
    return "/w/acme" + reverse(f"campaigns:{name}", args=args)


def test_pages_open(browse, campaign, workspace):
    template = TemplateFactory(workspace=workspace)
    editor = browse("editor")
    for url in (
        page("campaigns"), page("new"), page("compose", campaign.pk), page("checks", campaign.pk),
        page("versions", campaign.pk), page("preview", campaign.pk), page("preview_frame", campaign.pk),
        page("templates"), page("template", template.pk), page("template_preview", template.pk),
        page("template_frame", template.pk), page("senders"), page("send_test", campaign.pk),
    ):  # fmt: skip
        assert editor.get(url).status_code == 200, url


def test_viewers_read_and_do_not_write(browse, campaign, workspace):
    template = TemplateFactory(workspace=workspace)
    viewer = browse("viewer")
    assert [viewer.get(page(name)).status_code for name in ("campaigns", "templates", "senders")] == [200] * 3
    assert viewer.get(page("compose", campaign.pk)).templates[0].name == "campaigns/read.html"
    assert viewer.get(page("preview_frame", campaign.pk)).status_code == 200
    for url in (
        page("new"), page("duplicate", campaign.pk), page("delete", campaign.pk), page("send_test", campaign.pk),
        page("template", template.pk), page("new_template"), page("keep_as_template", campaign.pk),
        page("restore", campaign.pk, 1), page("delete_template", template.pk),
    ):  # fmt: skip
        assert viewer.post(url).status_code == 403, url
    assert viewer.post(page("compose", campaign.pk), typed(campaign, subject="Mine now")).status_code == 403


def test_foreign_campaigns_look_like_nothing(browse):
    foreign = CampaignFactory(workspace=WorkspaceFactory())
    template = TemplateFactory(workspace=foreign.workspace)
    admin = browse("admin")
    for name in ("campaign", "compose", "checks", "versions", "preview", "preview_frame", "send_test"):
        assert admin.get(page(name, foreign.pk)).status_code == 404, name
    for name in ("duplicate", "delete", "keep_as_template", "send_test", "compose"):
        assert admin.post(page(name, foreign.pk)).status_code == 404, name
    for name in ("template", "template_preview", "template_frame"):
        assert admin.get(page(name, template.pk)).status_code == 404, name
    assert admin.post(page("new"), {"template": template.pk}).status_code == 404


def test_a_new_campaign_takes_one_click_and_may_begin_with_a_template(browse, workspace):
    template = TemplateFactory(workspace=workspace, blocks=[{"id": "a", "type": "heading", "text": "Bells"}])
    editor = browse("editor")

    blank = editor.post(page("new"))
    from_template = editor.post(page("new"), {"template": template.pk})

    first, second = Campaign.objects.order_by("pk")
    assert (blank.url, from_template.url) == (page("compose", first.pk), page("compose", second.pk))
    assert [block["type"] for block in first.blocks] == ["heading", "text", "footer"]
    assert (second.subject, second.blocks[0]["text"]) == ("What the bells say", "Bells")


def test_saving_without_javascript_goes_back_to_the_page(browse, campaign):
    response = browse("editor").post(page("compose", campaign.pk), typed(campaign, subject="Noon"))

    campaign.refresh_from_db()
    assert (response.status_code, response.url) == (302, page("compose", campaign.pk))
    assert (campaign.subject, campaign.version) == ("Noon", 2)
    assert "Come <strong>all</strong>" in campaign.mjml


@pytest.mark.parametrize(
    ("press", "kinds"),
    [
        ({"up": "t1"}, ["text", "heading", "footer"]),
        ({"down": "h1"}, ["text", "heading", "footer"]),
        ({"down": "t1"}, ["heading", "text", "footer"]),
        ({"remove": "h1"}, ["text", "footer"]),
        ({"remove": "f1"}, ["heading", "text", "footer"]),
        ({"add": "button"}, ["heading", "text", "button", "footer"]),
        ({"add": "footer"}, ["heading", "text", "footer"]),
    ],
)
def test_blocks_move_by_plain_posts(browse, campaign, press, kinds):
    browse("editor").post(page("compose", campaign.pk), typed(campaign, **press))

    campaign.refresh_from_db()
    assert [block["type"] for block in campaign.blocks] == kinds


def htmx(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


def test_autosave_answers_with_the_saved_state_alone(browse, campaign):
    response = browse("editor").post(
        page("compose", campaign.pk), typed(campaign, subject="Noon"), headers=htmx("saved")
    )

    body = response.content.decode()
    assert (response.status_code, response["HX-Trigger"]) == (200, '{"saved": {}}')
    assert body.count("<input") == 1  # the version, and no field somebody may be typing in
    assert 'name="version" value="2"' in body


def test_a_press_on_a_block_swaps_the_blocks_and_the_version(browse, campaign):
    response = browse("editor").post(
        page("compose", campaign.pk), typed(campaign, up="t1"), headers=htmx("mailbody")
    )

    body = response.content.decode()
    assert 'value="t1:text,h1:heading,f1:footer"' in body
    assert 'data-focus-block="block-t1"' in body
    assert 'id="saved" hx-swap-oob="true"' in body


def test_another_account_brings_its_own_senders(browse, campaign, workspace):
    other = ConnectionFactory(workspace=workspace, name="Second account")

    response = browse("editor").post(
        page("compose", campaign.pk), typed(campaign, connection=other.pk), headers=htmx("saved")
    )

    body = response.content.decode()
    assert 'id="sender" hx-swap-oob="true"' in body
    assert "not known in Second account" in body


def test_a_second_editor_is_told_and_cannot_overwrite(browse, campaign, member):
    first, second = member("editor"), browse("editor")
    stale = typed(campaign, subject="Mine")
    compose.save_campaign(
        campaign=campaign, by=first, version=1, name=campaign.name, subject="Theirs", preview_text="", form="blocks",
        blocks=campaign.blocks, html="", reply_to="", connection=campaign.connection, sender=campaign.sender,
        lists=campaign.lists.all(), segments=[],
    )  # fmt: skip

    response = second.post(page("compose", campaign.pk), stale, headers=htmx("saved"))
    plain = second.post(page("compose", campaign.pk), stale)

    campaign.refresh_from_db()
    assert (response.status_code, plain.status_code, campaign.subject) == (422, 422, "Theirs")
    assert f"{first} saved this campaign" in response.content.decode().replace("&#x27;", "'")
    assert 'value="Mine"' in plain.content.decode()

    second.post(page("compose", campaign.pk), stale | {"copy": "1"})
    assert list(Campaign.objects.order_by("pk").values_list("subject", flat=True)) == ["Theirs", "Mine"]


def test_a_released_campaign_cannot_be_changed_but_what_was_typed_is_kept(browse, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(status="scheduled")
    editor = browse("editor")

    saved = editor.post(page("compose", campaign.pk), typed(campaign, subject="Mine"), headers=htmx("saved"))
    editor.post(page("delete", campaign.pk))

    assert (saved.status_code, "has been released" in saved.content.decode()) == (422, True)
    assert Campaign.objects.get().subject == campaign.subject
    editor.post(page("compose", campaign.pk), typed(campaign, subject="Mine", copy="1"))
    assert Campaign.objects.exclude(pk=campaign.pk).get().subject == "Mine"


def test_hostile_text_stays_text(browse, campaign, workspace):
    editor = browse("editor")
    response = editor.post(
        page("compose", campaign.pk),
        typed(campaign, name=HOSTILE, subject=HOSTILE, **{"b-t1-text": HOSTILE, "b-h1-text": HOSTILE}),
        follow=True,
    )
    TemplateFactory(workspace=workspace, name=HOSTILE)

    pages = [response, *(editor.get(page(name)) for name in ("campaigns", "templates", "new"))]
    pages += [
        editor.get(page(name, campaign.pk)) for name in ("preview", "preview_frame", "versions", "checks")
    ]
    for answer in pages:
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
    refused = editor.post(
        page("compose", campaign.pk), typed(campaign, version=2, subject="a\r\nBcc: b@example.test")
    )
    assert refused.status_code == 422


def test_the_frame_may_do_nothing(browse, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(
        form="html",
        html='<p onclick="x()">Hi {{ contact.first_name|default:"you" }}<script>x()</script></p><img src="https://example.test/a.png">',
    )
    viewer = browse("viewer")

    frame = viewer.get(page("preview_frame", campaign.pk))
    with_images = viewer.get(page("preview_frame", campaign.pk) + "?images=1")

    assert frame["Content-Security-Policy"].startswith("sandbox; default-src 'none'; img-src data:;")
    assert "https:" in with_images["Content-Security-Policy"]
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert "script" not in frame.content.decode()
    assert "onclick" not in frame.content.decode()
    assert "Hi Ana" in frame.content.decode()


def test_the_preview_steps_through_people_and_finds_gaps(browse, campaign):
    ana, nameless, _cem = sorted(
        (
            subscription.contact
            for list_ in campaign.lists.all()
            for subscription in list_.subscriptions.all()
        ),
        key=lambda contact: contact.pk,
    )
    editor = browse("editor")

    first = editor.get(page("preview", campaign.pk))
    worst = editor.get(page("preview", campaign.pk) + "?gaps=1")

    assert (first.context["person"], first.context["before_url"]) == (ana, "")
    assert f"contact={nameless.pk}" in first.context["after_url"]
    assert worst.context["person"] == nameless
    assert worst.context["shown_subject"] == "Hello friend"


def test_viewers_see_masked_addresses(browse, campaign):
    assert "@example.test" not in browse("viewer").get(page("preview", campaign.pk)).content.decode().replace(
        campaign.sender.email, ""
    )


def test_versions_are_listed_and_restored(browse, workspace, member):
    campaign = compose.create_campaign(workspace=workspace, by=member("editor"))
    editor = browse("editor")
    form = typed(campaign, subject="Second", layout="", save="1")
    editor.post(page("compose", campaign.pk), form)

    editor.post(page("restore", campaign.pk, 1))

    campaign.refresh_from_db()
    assert (campaign.subject, campaign.version) == ("", 3)
    assert list(campaign.versions.order_by("number").values_list("number", flat=True)) == [1, 2, 3]


def test_the_list_filters_and_pages(browse, workspace, monkeypatch):
    monkeypatch.setattr("campaigns.queries.listing.PAGE", 2)
    made = [CampaignFactory(workspace=workspace, name=f"Letter {number}") for number in range(5)]
    editor = browse("editor")

    def names(query: str = "") -> list[str]:
        return [row[1] for row in editor.get(page("campaigns") + query).context["page"].rows]

    first = editor.get(page("campaigns")).context["page"]
    second = editor.get(page("campaigns") + f"?after={first.older}").context["page"]
    back = editor.get(page("campaigns") + f"?before={second.newer}").context["page"]
    assert [row[1] for row in first.rows] == ["Letter 4", "Letter 3"]
    assert [row[1] for row in second.rows] == ["Letter 2", "Letter 1"]
    assert back.rows == first.rows
    assert (first.newer, bool(back.older)) == ("", True)
    assert names("?q=letter 1") == ["Letter 1"]
    assert names("?status=sent") == []
    assert names(f"?account={made[0].connection_id}") == ["Letter 0"]
    assert names("?after=nonsense") == ["Letter 4", "Letter 3"]


@pytest.mark.parametrize("name", ["campaigns", "templates", "senders", "new"])
def test_lists_take_the_same_queries_for_one_and_three_rows(browse, workspace, name):
    account = ConnectionFactory(workspace=workspace)

    def add(count: int) -> None:
        for _ in range(count):
            CampaignFactory(workspace=workspace, connection=account)
            TemplateFactory(workspace=workspace)

    editor = browse("editor")
    add(1)
    editor.get(page(name))
    with CaptureQueriesContext(connection) as one:
        editor.get(page(name))
    add(2)
    with CaptureQueriesContext(connection) as three:
        editor.get(page(name))
    assert len(one) == len(three)


def test_templates_are_edited_like_campaigns(browse, workspace):
    editor = browse("editor")
    editor.post(page("new_template"))
    template = Template.objects.get()

    editor.post(
        page("template", template.pk),
        {
            "name": "Letter",
            "subject": "S",
            "written_as": "blocks",
            "version": 1,
            "layout": "a:text,f:footer",
            "b-a-text": "Hi",
        },
    )

    template.refresh_from_db()
    assert (template.name, template.version, template.blocks[0]["text"]) == ("Letter", 2, "Hi")
    editor.post(page("delete_template", template.pk))
    assert not Template.objects.exists()


def test_contacts_of_nobody_else_are_shown(browse, campaign):
    stranger = ContactFactory(workspace=WorkspaceFactory())

    response = browse("editor").get(page("preview", campaign.pk) + f"?contact={stranger.pk}")

    assert response.context["person"].workspace_id == campaign.workspace_id


def test_the_review_shows_the_mail_as_a_person_gets_it_and_likely_zones_first(browse, campaign, workspace):
    campaign.subject = 'Hello {{ contact.first_name|default:"friend" }}'
    campaign.save()
    shown = browse("approver").get(page("review", campaign.pk)).content.decode()
    assert "{{ contact" not in shown.split('id="preview"')[1].split("</section>")[0]
    zones = shown.split('id="id_zone"')[1].split("</select>")[0]
    assert zones.index(workspace.time_zone) < zones.index("Africa/Abidjan")
    assert zones.count(f'value="{workspace.time_zone}"') == 1


def test_an_imported_campaign_is_read_not_watched(browse, workspace):
    campaign = CampaignFactory(workspace=workspace, is_imported=True, status="sent", name="Theirs")
    deliver(campaign, state="sent", started_at=timezone.now())
    response = browse("viewer").get(page("campaign", campaign.pk), follow=True)
    assert "Written in the account" in response.content.decode()
    assert "No word yet" not in response.content.decode()
    assert reverse("reporting:report", args=[campaign.pk]) in response.content.decode()


@pytest.mark.parametrize(
    ("values", "shown", "hidden"),
    [
        ({"state": "held"}, "will get it, as counted at the release", "No word yet"),
        ({"state": "preparing"}, "Settling who gets it", "No word yet"),
        ({"state": "cancelled"}, "taken back before anybody was mailed", "No word yet"),
        ({"state": "refused"}, "The account refused it", "No word yet"),
        ({"state": "stopped", "started_at": timezone.now()}, "Surely did not", "No word yet"),
        ({"state": "unknown", "armed_at": timezone.now()}, "no clear answer came", "Surely"),
        ({"state": "attention", "note": "Two are alive."}, "Two are alive.", "Surely"),
        ({"state": "sent", "started_at": timezone.now()}, "It went out", "Surely"),
    ],
    ids=lambda value: value["state"] if isinstance(value, dict) else "",
)
def test_each_state_of_a_delivery_says_what_is_so(browse, workspace, values, shown, hidden):
    campaign = CampaignFactory(workspace=workspace, status=Delivery.CAMPAIGN_STATUS[values["state"]])
    frozen = None if values["state"] in {"held", "preparing"} else timezone.now()
    deliver(campaign, frozen_at=frozen, equation={"receives": 12}, **values)
    words = browse("approver").get(page("campaign", campaign.pk) + "?delivery=1").content.decode()
    words = words.split('id="delivery"')[1].split('<dialog class="dialog"')[0]
    assert shown in words
    assert hidden not in words


def test_a_review_tells_the_rule_and_a_changed_segment_is_refused(browse, campaign, workspace):
    segment = make_segment(workspace, HOSTILE, speaks("fr"))
    campaign.segments.add(segment)
    Contact.objects.filter(first_name="Ana").update(language="fr")
    approver = browse("approver")
    shown = approver.get(page("review", campaign.pk)).content.decode()
    values = {"mode": "now", "zone": "UTC", "version": campaign.version, "people": 3, "confirmed": "1"}
    values["segments"] = shown.split('name="segments" value="')[1].split('"')[0]
    change_segment(segment, speaks("fr"), speaks("fr"))

    refused = approver.post(page("review", campaign.pk), values)
    nonsense = approver.post(page("review", campaign.pk), values | {"segments": "1:2:3 x"})

    assert "Language is “fr”" in shown
    assert "<script>alert" not in shown
    assert values["segments"] == f"{segment.pk}:1"
    assert (refused.status_code, nonsense.status_code) == (422, 422)
    assert "has changed since you looked. Review it again." in refused.content.decode()
    assert not Delivery.objects.exists()


def test_segments_are_chosen_and_shown_where_a_campaign_is(browse, campaign, workspace):
    good, foreign = (
        make_segment(workspace, "French", speaks("fr")),
        make_segment(WorkspaceFactory(), "Foreign"),
    )
    editor = browse("editor")

    saved = editor.post(page("compose", campaign.pk), typed(campaign, segments=[good.pk]))
    refused = editor.post(
        page("compose", campaign.pk), typed(campaign, version=2, segments=[good.pk, foreign.pk])
    )

    assert (saved.status_code, refused.status_code) == (302, 422)
    assert list(campaign.segments.all()) == [good]
    assert "Foreign" not in editor.get(page("compose", campaign.pk)).content.decode()
    assert "Language is “fr”" in browse("viewer").get(page("compose", campaign.pk)).content.decode()


def test_a_watched_campaign_tells_its_segments_as_they_were_released(browse, campaign, workspace):
    segment = make_segment(workspace, "French", speaks("fr"))
    campaign.segments.add(segment)
    deliver(campaign, audience=choice_of(campaign).as_json())
    Campaign.objects.update(status="scheduled")
    change_segment(segment, speaks("de"))

    words = browse("viewer").get(page("campaign", campaign.pk)).content.decode()

    assert "Language is “fr”" in words
    assert "Language is “de”" not in words


def test_viewers_read_no_address_in_the_rule_of_a_segment(browse, campaign, workspace):
    is_ana = {"kind": "field", "of": "@email", "op": "contains", "value": "ana@secret.test"}
    campaign.segments.add(make_segment(workspace, "Ana", is_ana))
    viewer = browse("viewer")
    assert "contains “a…@s…”" in viewer.get(page("compose", campaign.pk)).content.decode()

    deliver(campaign, audience=choice_of(campaign).as_json())
    Campaign.objects.update(status="scheduled")

    assert "contains “a…@s…”" in viewer.get(page("campaign", campaign.pk)).content.decode()
    assert "ana@secret.test" in browse("editor").get(page("campaign", campaign.pk)).content.decode()


@pytest.mark.parametrize("after", ["9" * 30, "٣", "-1", "x"])
def test_a_nonsense_place_in_the_people_of_a_number_is_the_beginning(browse, workspace, after):
    campaign = CampaignFactory(workspace=workspace)

    reply = browse().get(f"/w/acme/campaigns/{campaign.pk}/audience/receives/", {"after": after})

    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("local", "sentence"), [("2020-01-01T09:00", "has passed"), ("9999-12-31T23:59", "days away")]
)
def test_an_absurd_hour_is_refused_before_anything_is_asked(browse, campaign, local, sentence):
    values = {
        "mode": "later",
        "local": local,
        "zone": "Europe/Zurich",
        "version": campaign.version,
        "people": 1,
    }
    response = browse("approver").post(page("review", campaign.pk), values)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "confirm-release" not in response.content.decode()


@pytest.mark.parametrize(
    ("state", "dialog", "words"),
    [
        ("held", "confirm-cancel-before", "becomes a draft again, and nobody is mailed"),
        ("ready", "confirm-cancel-before", "becomes a draft again, and nobody is mailed"),
        ("accepted", "confirm-cancel-accepted", "Nobody is mailed if it agrees before the start"),
        ("sending", "confirm-cancel", "What has gone out cannot be called back"),
    ],
)
def test_the_question_before_a_cancellation_fits_the_state(browse, workspace, state, dialog, words):
    campaign = CampaignFactory(workspace=workspace, status="scheduled")
    make_delivery(campaign, campaign.connection, state=state, started_at=None, finished_at=None)
    page = browse("approver").get(f"/w/acme/campaigns/{campaign.pk}/").content.decode()

    assert f'data-dialog="{dialog}"' in page
    assert words in page.partition(f'<dialog class="dialog" id="{dialog}"')[2].partition("</dialog>")[0]


@pytest.mark.parametrize(("provider", "shown"), [("brevo", "Hello Ana"), ("leadfox", "Hello friend")])
def test_the_preview_shows_what_the_account_will_send(browse, campaign, provider, shown):
    """Where nothing is filled in for each person there is nobody to look as."""
    Contact.objects.filter(workspace=campaign.workspace).update(first_name="Ana")
    Connection.objects.update(provider=provider)
    Campaign.objects.filter(pk=campaign.pk).update(
        subject='Hello {{ contact.first_name|default:"friend" }}', form="html",
        html='<p>Hello {{ contact.first_name|default:"friend" }}</p>',
    )  # fmt: skip
    viewer = browse("viewer")
    preview = viewer.get(page("preview", campaign.pk)).content.decode()
    frame = viewer.get(page("preview_frame", campaign.pk)).content.decode()

    is_alike = provider == "leadfox"
    assert (shown in preview, shown in frame) == (True, True)
    assert ("Everyone reads this." in preview) is is_alike
    assert ("The one with most gaps" in preview) is not is_alike
