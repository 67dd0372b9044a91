"""What people see: numbers equal the people behind them, and nobody sees more than they may."""

import csv
import io
import re
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, Connection, OutboxEntry
from audiences.models import Contact
from campaigns.models import Campaign, Delivery, Recipient
from reporting import queries
from reporting.definitions import GROUPS, What
from reporting.mirror import figures, inbox
from reporting.models import DomainFigures, Figures, LinkFigures, Seen, SpanFigures
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory, WorkspaceFactory
from tests.reporting.calls import SENT_AT, brevo_call, hand_over, make_delivery

pytestmark = pytest.mark.django_db

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def happened(delivery, people, store):
    """reader0 clicks twice, reader1 is opened by a machine, reader2 opens and leaves, reader5 does not exist."""
    store(
        *(brevo_call("delivered", contact.email, after=n) for n, contact in enumerate(people[:5])),
        brevo_call("hard_bounce", people[5].email, after=6, reason=f"550 {HOSTILE}"),
        brevo_call("proxy_open", people[1].email, after=8),
        brevo_call("opened", people[0].email, after=60),
        brevo_call("click", people[0].email, after=70, URL="https://example.test/news"),
        brevo_call("click", people[0].email, after=80, URL=f"javascript:alert(1)//{HOSTILE}"),
        brevo_call("opened", people[2].email, after=3600),
        brevo_call("unsubscribe", people[2].email, after=3700, list_id=[1]),
    )
    inbox.apply_inbox()
    return delivery


def url(campaign, rest=""):
    return f"/w/acme/campaigns/{campaign.pk}/report/{rest}"


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_report_shows_every_figure_with_its_definition(browse, campaign, happened):
    page = browse("viewer").get(url(campaign))

    assert page.status_code == 200
    report = page.context["report"]
    assert {tile.label: (tile.value, tile.rate) for tile in report.tiles} == {
        "Delivered": (5, None), "Opened": (2, 0.4), "Opened by machines": (1, 0.2), "Clicked": (1, 0.2), "Left": (1, 0.2),
        "Complained": (0, 0.0), "Bounced for good": (1, None), "Bounced for now": (0, None),
    }  # fmt: skip
    assert all(group.definition in text_of(page).replace("&#x27;", "'") for group in GROUPS.values())
    assert [(url, clicks, people) for _, url, clicks, people, _ in report.links] == [
        ("https://example.test/news", 1, 1), (f"javascript:alert(1)//{HOSTILE}", 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("what", What)
def test_each_number_equals_the_people_it_opens(browse, campaign, happened, what):
    client = browse("editor")
    tiles = {tile.label: tile for tile in client.get(url(campaign)).context["report"].tiles}

    rows = client.get(url(campaign, "people/"), {"what": what}).context["rows"]

    assert len(rows) == tiles[what.label].value
    assert bool(tiles[what.label].url) == bool(rows)


def test_a_link_opens_who_clicked_it(browse, campaign, happened, people):
    link = LinkFigures.objects.get(url="https://example.test/news")

    page = browse("editor").get(url(campaign, "people/"), {"what": "clicked", "link": link.pk})

    assert [(row[0], row[1]) for row in page.context["rows"]] == [(people[0].pk, people[0].email)]


def test_viewers_see_masked_addresses(browse, campaign, happened, people):
    for address in (url(campaign, "people/?what=delivered"), url(campaign), "/w/acme/reports/"):
        content = browse("viewer").get(address).content.decode()
        assert not any(contact.email in content for contact in people), address

    assert "r…@m…" in browse("viewer").get(url(campaign, "people/?what=delivered")).content.decode()


def test_viewers_see_no_address_in_a_reason_or_a_link(browse, campaign, people, delivery, store):
    store(
        brevo_call("hard_bounce", people[0].email, reason=f"550 <{people[0].email}> unknown"),
        brevo_call("click", people[1].email, URL=f"https://example.test/?for={people[1].email}"),
    )
    inbox.apply_inbox()
    link = LinkFigures.objects.get()

    for address in (
        url(campaign), url(campaign, "people/?what=hard-bounced"), url(campaign, f"people/?what=clicked&link={link.pk}"),
        f"/w/acme/contacts/{people[0].pk}/", f"/w/acme/contacts/{people[1].pk}/",
    ):  # fmt: skip
        content = browse("viewer").get(address).content.decode()
        assert not any(contact.email in content for contact in people), address


def test_hostile_text_stays_text(browse, campaign, happened):
    Campaign.objects.update(name=HOSTILE)
    Contact.objects.update(first_name=HOSTILE)
    client = browse("editor")

    for address in (
        url(campaign), url(campaign, "people/?what=hard-bounced"), url(campaign, "people/?what=clicked"), "/w/acme/reports/",
    ):  # fmt: skip
        content = client.get(address).content.decode()
        assert "<script>alert" not in content, address
        assert 'href="javascript:' not in content, address


@pytest.mark.parametrize("rest", ["", "people/", "people/?what=clicked"])
def test_a_foreign_campaign_is_not_found(browse, happened, rest):
    foreign = CampaignFactory()
    make_delivery(foreign, foreign.connection)

    assert browse().get(url(foreign, rest)).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "what=everything",
        "what=",
        "what=clicked&link=x",
        "what=clicked&link=99999999999999999999",
        "what=opened&link=1",
    ],
)
def test_numbers_that_do_not_exist_are_not_found(browse, campaign, happened, query):
    assert browse().get(url(campaign, f"people/?{query}")).status_code == 404


def test_a_link_of_another_campaign_is_not_found(browse, workspace, campaign, connection, happened):
    other = CampaignFactory(workspace=workspace, connection=connection)
    link = LinkFigures.objects.create(
        delivery=make_delivery(other, connection, remote_id="9"), source="events", url="https://a.test"
    )

    assert browse().get(url(campaign, f"people/?what=clicked&link={link.pk}")).status_code == 404


def test_people_page_by_page(browse, campaign, delivery, monkeypatch):
    monkeypatch.setattr("reporting.queries.people.PAGE", 3)
    people = hand_over(delivery, 7)
    Seen.objects.bulk_create(
        Seen(delivery=delivery, contact=contact, kind="delivered", first_at=SENT_AT) for contact in people
    )
    client, walked, address = browse("editor"), [], url(campaign, "people/?what=delivered")

    while address:
        page = client.get(address).context
        walked.append([row[0] for row in page["rows"]])
        address = page["page"].older and url(campaign, f"people/?what=delivered&after={page['page'].older}")

    ids = sorted((contact.pk for contact in people), reverse=True)
    assert walked == [ids[:3], ids[3:6], ids[6:]]
    back = client.get(url(campaign, f"people/?what=delivered&before={ids[6]}")).context
    assert [row[0] for row in back["rows"]] == ids[3:6]
    assert (back["page"].newer, back["page"].older) == (ids[3], ids[5])


def test_the_export_holds_the_same_people_and_no_formula(browse, campaign, happened, people):
    Contact.objects.filter(pk=people[0].pk).update(first_name="=HYPERLINK(1)", last_name="+1")

    response = browse("editor").post(url(campaign, "people/export/"), {"what": "delivered"})

    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert rows[0] == ["Address", "First name", "Last name", "When (UTC)", "Reason"]
    assert [row[0] for row in rows[1:]] == [contact.email for contact in people[4::-1]]
    assert rows[-1][1:3] == ["'=HYPERLINK(1)", "'+1"]
    assert response.headers["Content-Disposition"] == 'attachment; filename="november-news-delivered.csv"'
    assert ActivityEntry.objects.get(verb="report.exported").after == {"what": "delivered", "link": ""}


@pytest.mark.parametrize(("what", "count"), [("machine", 1), ("hard-bounced", 1), ("clicked", 1)])
def test_the_export_of_each_group_equals_its_page(browse, campaign, happened, what, count):
    client = browse("editor")
    lines = b"".join(
        client.post(url(campaign, "people/export/"), {"what": what}).streaming_content
    ).splitlines()

    assert len(lines) - 1 == count == len(client.get(url(campaign, f"people/?what={what}")).context["rows"])


def test_viewers_neither_export_nor_ask_the_account(browse, campaign, happened):
    client = browse("viewer")

    assert client.post(url(campaign, "people/export/"), {"what": "delivered"}).status_code == 403
    assert client.post(url(campaign, "read/")).status_code == 403
    assert not OutboxEntry.objects.filter(task="reporting.refresh_figures").exists()
    assert b"Read again" not in client.get(url(campaign)).content


def test_read_again_is_recorded_and_the_page_looks_again_by_itself(browse, campaign, happened):
    client = browse("editor")

    response = client.post(url(campaign, "read/"), follow=True)

    assert OutboxEntry.objects.get(task="reporting.refresh_figures").payload == {"asked": True}
    assert response.redirect_chain[-1][0] == url(campaign)
    assert b"every 3s" in response.content


def test_both_counts_stand_side_by_side_with_the_reason(browse, campaign, happened):
    Figures.objects.create(
        delivery=happened,
        source="provider",
        read_at=timezone.now(),
        counts={"sent": 6, "delivered": 4, "clicks": 2},
    )
    page = browse().get(url(campaign))

    rows = page.context["report"].differences
    assert [(row.label, row.ours, row.theirs, row.by) for row in rows] == [
        ("Delivered", 5, 4, 1), ("Clicks in all", 2, 2, 0),
    ]  # fmt: skip
    assert "takes" in text_of(page) or "take a delivery back" in text_of(page)
    delivered = next(tile for tile in page.context["report"].tiles if tile.label == "Delivered")
    assert delivered.rate == 5 / 6


def test_an_imported_campaign_shows_the_accounts_counts_alone(browse, campaign, happened):
    Campaign.objects.update(is_imported=True)
    Figures.objects.create(
        delivery=happened,
        source="provider",
        read_at=timezone.now(),
        counts={"sent": 9, "delivered": 8, "opened_by_human": 3},
    )
    page = browse().get(url(campaign))

    assert {tile.label: (tile.value, tile.url) for tile in page.context["report"].tiles if tile.value is not None} == {
        "Delivered": (8, ""), "Opened": (3, ""),
    }  # fmt: skip
    assert "Counted by the account" in text_of(page)


def test_a_campaign_that_has_not_gone_out_says_so(browse, workspace):
    draft = CampaignFactory(workspace=workspace)

    assert "has not gone out yet" in text_of(browse().get(url(draft)))
    assert browse().get(url(draft, "people/")).status_code == 404


def test_an_account_that_does_not_call_is_pointed_at(browse, campaign, delivery, connection):
    Connection.objects.update(webhook_remote_id="")
    page = browse().get(url(campaign))

    assert "Its webhook is not registered" in text_of(page)
    assert connection.get_absolute_url() in page.content.decode()
    assert "Nothing has arrived yet" in text_of(page)


def test_the_report_takes_the_same_few_queries_for_any_number_of_events(browse, campaign, happened):
    client = browse()
    client.get(url(campaign))

    def count():
        with CaptureQueriesContext(
            database,
        ) as queries_:
            client.get(url(campaign))
        return len(queries_)

    before = count()
    LinkFigures.objects.bulk_create(
        LinkFigures(delivery=happened, source="events", url=f"https://example.test/{n}", clicks=n, people=1)
        for n in range(200)
    )
    DomainFigures.objects.bulk_create(
        DomainFigures(delivery=happened, source="events", domain=f"d{n}.test", counts={"delivered": n})
        for n in range(200)
    )
    SpanFigures.objects.bulk_create(
        SpanFigures(delivery=happened, start_at=SENT_AT + timedelta(days=1, minutes=5 * n), opens=1)
        for n in range(900)
    )

    assert count() == before <= 16
    report = client.get(url(campaign)).context["report"]
    assert (len(report.links), len(report.domains)) == (100, 12)
    assert report.domains[0][:2] == ("d199.test", 199)


def test_the_largest_domains_come_from_the_index(happened):
    DomainFigures.objects.bulk_create(
        DomainFigures(delivery=happened, source="events", domain=f"d{n}.test", counts={"delivered": n})
        for n in range(3000)
    )
    with database.cursor() as cursor:
        cursor.execute("analyze reporting_domainfigures")
    found = DomainFigures.objects.filter(delivery=happened, source="events").order_by(
        DomainFigures.DELIVERED.desc()
    )[:12]

    assert "domain_figures_largest" in found.explain()


def test_the_time_line_has_equal_steps_and_holds_every_opening(happened, campaign):
    report = queries.report_of(campaign, happened)

    opened = dict(report.series)["Opened"]
    assert sum(count for _, count in opened) == 2
    assert {later - earlier for (earlier, _), (later, _) in pairwise(opened)} == {timedelta(minutes=5)}


def test_reports_are_listed_newest_first_and_page_by_page(browse, workspace, connection, monkeypatch):
    monkeypatch.setattr("reporting.queries.reports.PAGE", 2)
    for n in range(5):
        campaign = CampaignFactory(workspace=workspace, connection=connection, name=f"No {n}", status="sent")
        make_delivery(campaign, connection, remote_id=str(n), send_at=SENT_AT + timedelta(days=n // 2))
    foreign = CampaignFactory(workspace=WorkspaceFactory(), status="sent")
    make_delivery(foreign, foreign.connection)
    client, walked, address = browse(), [], "/w/acme/reports/"

    while address:
        page = client.get(address).context
        walked.append([row.name for row in page["rows"]])
        newer, address = page["newer"], page["older"] and f"/w/acme/reports/?after={page['older']}"

    assert walked == [["No 4", "No 3"], ["No 2", "No 1"], ["No 0"]]
    back = client.get(f"/w/acme/reports/?before={newer}").context
    assert ([row.name for row in back["rows"]], back["newer"] != "") == (["No 2", "No 1"], True)


def test_the_list_takes_the_same_queries_for_one_and_for_many(browse, workspace, connection):
    client = browse()

    def add_and_count():
        campaign = CampaignFactory(workspace=workspace, connection=connection, status="sent")
        delivery = make_delivery(campaign, connection, remote_id=str(campaign.pk))
        Figures.objects.create(
            delivery=delivery, source="events", read_at=timezone.now(), counts={"delivered": 3}
        )
        with CaptureQueriesContext(database) as queries_:
            client.get("/w/acme/reports/")
        return len(queries_)

    first = add_and_count()
    add_and_count()
    assert add_and_count() == first


def test_reports_can_be_searched_and_filtered(browse, workspace, connection, campaign, delivery):
    other = ConnectionFactory(workspace=workspace, name="Second")
    second = CampaignFactory(workspace=workspace, connection=other, name="Spring", status="sent")
    make_delivery(second, other)
    client = browse()

    def names(query):
        return [row.name for row in client.get(f"/w/acme/reports/?{query}").context["rows"]]

    assert names("q=november") == ["November news"]
    assert names(f"account={other.pk}") == ["Spring"]
    assert names("q=nothing") == []
    assert sorted(names("after=rubbish")) == ["November news", "Spring"]


def test_an_empty_list_says_what_comes(browse, workspace):
    assert "Nothing has gone out yet" in text_of(browse().get("/w/acme/reports/"))


def test_home_shows_how_the_last_ones_did(browse, campaign, happened):
    assert "November news" in text_of(browse().get("/w/acme/"))


def test_a_person_shows_what_they_received_and_did(browse, people, happened):
    page = text_of(browse("editor").get(f"/w/acme/contacts/{people[0].pk}/"))

    assert "Was sent “November news”" in page
    assert "Clicked · “November news”" in page
    assert "https://example.test/news" in page


def test_somebody_without_history_has_no_such_panel(rf, workspace):
    request = rf.get("/")
    request.workspace = workspace

    assert queries.history_of(request, ContactFactory(workspace=workspace)) is None


def test_the_newest_part_that_left_is_the_one_reported(campaign, connection, delivery):
    assert queries.left_delivery(campaign) == delivery
    second = make_delivery(campaign, connection, remote_id="43", generation=2)
    assert queries.left_delivery(campaign) == second
    Delivery.objects.filter(pk=second.pk).update(state="cancelled")
    assert queries.left_delivery(campaign) == delivery


def test_figures_written_here_are_shown_with_their_source(browse, campaign, delivery):
    from accounts.providers.records import FiguresRecord

    figures.write_figures(
        delivery, FiguresRecord(read_at=timezone.now(), sent=6, delivered=6, opened_by_human=2)
    )
    tiles = browse().get(url(campaign)).context["report"].tiles

    assert {tile.source for tile in tiles} == {"Brevo"}
    assert Recipient.objects.count() == 0
