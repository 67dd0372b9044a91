"""The pages of segments: the list, the builder, one segment."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from audiences import rules
from audiences.models import Contact, List, Segment, Tag
from audiences.services import segments as services
from campaigns.models import Campaign
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

HOSTILE = "<script>alert(1)</script>\"'\u202e" + "long" * 30
NEW = "/w/acme/segments/new/"


@pytest.fixture
def make(workspace):
    def saved(name, *conditions):
        rule = rules.read({"join": "all", "rules": list(conditions)})
        return services.create_segment(workspace=workspace, name=name, description="", rule=rule, by=None)

    return saved


def on(news):
    return {"kind": "list", "of": news.pk, "op": "on"}


def row(news, key="c1", **values):
    """The form of one row: on this list."""
    return {"node": f"{key} g1", f"{key}.of": f"list:{news.pk}", f"{key}.op": "on", "g1.join": "all"} | values


def ask(client, url, values, target):
    """What htmx gets for one part of the page."""
    reply = client.post(url, values, headers={"HX-Request": "true", "HX-Target": target})
    assert reply.status_code == 200
    return reply


def words(reply):
    return " ".join(reply.content.decode().replace("\xa0", " ").split())


def queries_of(client, url):
    client.get(url)
    with CaptureQueriesContext(database) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


# The list


def test_the_list_costs_the_same_for_one_segment_and_three(browse, workspace, news, make):
    client = browse()

    def add(number):
        segment = make(f"Readers {number}", on(news))
        CampaignFactory(workspace=workspace).segments.add(segment)

    add(1)
    one = queries_of(client, "/w/acme/segments/")
    add(2)
    add(3)
    assert queries_of(client, "/w/acme/segments/") == one


def test_the_list_says_what_each_is_and_who_uses_it(browse, workspace, news, make):
    SubscriptionFactory(list=news)
    segment = make("Readers", on(news))
    CampaignFactory(workspace=workspace, name="November").segments.add(segment)
    make("Others", {"kind": "segment", "of": segment.pk, "op": "not_in"})
    seen = words(browse("viewer").get("/w/acme/segments/"))
    for text in ("on the list “News”", "not in the segment “Readers”", "November", "?show=mailable"):
        assert text in seen
    assert "Edit" not in seen
    assert "New segment" not in seen


def test_a_segment_over_what_is_gone_says_so_on_both_pages_and_is_not_counted(browse, news, make):
    segment = make("Readers", on(news))
    news.delete()
    client = browse()
    for url in ("/w/acme/segments/", f"/w/acme/segments/{segment.pk}/"):
        seen = words(client.get(url))
        assert "annot be counted or sent to" in seen
        assert "The list “News” is gone." in seen


def test_the_list_pages_on_and_filters(browse, make, monkeypatch):
    monkeypatch.setattr("audiences.queries.segments.PAGE", 2)
    city = {"kind": "field", "of": "city", "op": "filled"}
    made = [make(f"Segment {number}", city) for number in range(5)]
    services.archive_segment(segment=made[0], by=None)
    client = browse()

    def names(url):
        reply = client.get(url)
        return [one.segment.name for one in reply.context["rows"]], reply.context["after"]

    first, after = names("/w/acme/segments/")
    second, end = names(f"/w/acme/segments/?after={after.replace('+', '%2B')}")
    assert (first, second, end) == (["Segment 4", "Segment 3"], ["Segment 2", "Segment 1"], "")
    assert names("/w/acme/segments/?q=3")[0] == ["Segment 3"]
    assert names("/w/acme/segments/?state=archived")[0] == ["Segment 0"]
    for odd in (
        "after=x",
        "after=2026-99-99_1",
        "after=2026-01-01T00:00:00_7",
        "after=_",
        "q=%00",
        "state=odd",
    ):
        assert client.get(f"/w/acme/segments/?{odd}").status_code == 200


def test_empty_pages_say_what_to_do(browse):
    assert b"Make a segment" in browse("editor").get("/w/acme/segments/").content
    assert b"An editor can make one" in browse("viewer").get("/w/acme/segments/").content
    assert b"No such segment" in browse().get("/w/acme/segments/?q=zzz").content


def test_the_search_finds_segments(browse, news, make):
    make("Readers of all kinds", on(news))
    assert b"Readers of all kinds" in browse("viewer").get("/w/acme/search/?q=kinds").content


# The builder


def test_each_part_is_answered_alone(browse, news):
    client = browse("editor")
    SuppressionFactory(contact=SubscriptionFactory(list=news).contact)
    ana = SubscriptionFactory(list=news).contact
    for target in ("rule", "standing", "people", "offers"):
        reply = ask(client, NEW, row(news, show="all"), target)
        assert f'id="{target}"' in reply.content.decode()[:200]
        assert b"<html" not in reply.content
    assert "2 people" in words(ask(client, NEW, row(news), "standing"))
    assert "1 of them suppressed" in words(ask(client, NEW, row(news), "standing"))
    assert "is in it" in words(ask(client, NEW, row(news, why=ana.pk), "why"))


def test_the_tree_is_drawn_again_before_the_count_is_asked_for(browse, news):
    add = json.dumps({"kind": "list", "of": news.pk, "op": ""})
    reply = ask(browse("editor"), NEW, {"add": add, "find": "news"}, "rule")
    assert json.loads(reply["HX-Trigger-After-Settle"]) == {"redrawn": {}}
    assert 'name="c2.op"' in words(reply)
    assert 'name="find" value=""' in words(reply)
    assert json.loads(ask(browse("editor"), NEW, row(news), "standing")["HX-Trigger-After-Settle"]) == {
        "counted": {}
    }


def test_without_a_script_each_button_draws_the_whole_page(browse, news):
    client = browse("editor")
    seen = words(client.post(NEW, {"do": "first g1", "find": "on list news"}))
    assert "<html" in seen
    assert "0 people" in seen
    assert "on the list “News”" in seen
    seen = words(client.post(NEW, row(news, do="remove c1", name="Typed already")))
    assert "Add a condition, and the count follows." in seen
    assert 'value="Typed already"' in seen


def test_words_that_offer_nothing_stay_when_enter_is_pressed(browse):
    reply = ask(browse("editor"), NEW, {"do": "first g1", "find": "zzz"}, "rule")
    assert 'name="find" value="zzz"' in words(reply)
    seen = words(ask(browse("editor"), NEW, {"find": "zzz <b>"}, "offers"))
    assert "Not understood: <bdi>“zzz”</bdi>, <bdi>“&lt;b&gt;”</bdi>." in seen
    assert '<dl class="rule__kinds">' in seen


def test_what_was_written_in_one_breath_is_taken_as_one(browse, workspace, news):
    ContactFactory(workspace=workspace, city="Gent")
    client, find = browse("editor"), "not on news and lives in gent"
    assert "City is “Gent”" in words(ask(client, NEW, {"find": find}, "offers"))
    seen = words(client.post(NEW, {"do": "first g1", "find": find}))
    assert "not on the list “News” and City is “Gent”" in seen
    assert "1 person" in seen


def test_drawing_costs_the_same_for_one_row_and_three(browse, workspace, news):
    client = browse("editor")
    ListFactory(workspace=workspace)

    def cost(*keys):
        values = {name: value for key in keys for name, value in row(news, key).items()}
        with CaptureQueriesContext(database) as captured:
            for target in ("rule", "standing", "people"):
                ask(client, NEW, values | {"node": [f"{key} g1" for key in keys], "showing": "all"}, target)
        return len(captured)

    assert cost("c1") == cost("c1", "c2", "c3")


def test_half_filled_rows_keep_the_rest_and_say_what_is_missing(browse, news):
    half = row(news) | {
        "node": ["c1 g1", "c2 g1"],
        "c2.of": "engagement:clicked",
        "c2.op": "in_last",
        "c2.value": "ninety",
    }
    client = browse("editor")
    seen = words(ask(client, NEW, half, "standing"))
    assert "Not counted until one condition is filled in or taken out" in seen
    assert "This is no number." in seen
    assert "Nobody can be shown" in words(ask(client, NEW, half | {"show": "all"}, "people"))
    reply = client.post(NEW, half | {"save": "1", "name": "Readers"})
    assert reply.status_code == 422
    for text in ("Nothing was saved yet", 'value="ninety"', 'value="Readers"', "on the list “News”"):
        assert text in words(reply)
    assert not Segment.objects.exists()


def test_saving_leads_back_to_the_list_where_it_stands_first(browse, news):
    SubscriptionFactory(list=news)
    client = browse("editor")
    reply = client.post(NEW, row(news, save="1", name="Readers", description="For the fair"))
    assert (reply.status_code, reply.url) == (302, "/w/acme/segments/")
    segment = Segment.objects.get()
    assert (segment.name, segment.description, segment.mailable_count) == ("Readers", "For the fair", 1)
    assert str(segment.created_by) in words(client.get("/w/acme/segments/"))


@pytest.mark.parametrize(
    ("values", "says"),
    [({"name": ""}, "Give the segment a name."), ({"name": "readers"}, "Another segment has this name."), ({"name": "x" * 201}, "at most 200")],
)  # fmt: skip
def test_a_refused_save_keeps_what_was_built(browse, news, make, values, says):
    make("Readers", on(news))
    reply = browse("editor").post(NEW, row(news, save="1") | values)
    assert reply.status_code == 422
    assert says in words(reply)
    assert 'name="c1.of"' in words(reply)


def test_an_empty_rule_is_not_saved(browse):
    reply = browse("editor").post(NEW, {"save": "1", "name": "All"})
    assert (reply.status_code, Segment.objects.count()) == (422, 0)
    assert "Add at least one condition" in words(reply)


def test_a_second_editor_is_told_and_may_still_save_theirs(browse, news, make):
    segment = make("Readers", on(news))
    client, url = browse("editor"), f"/w/acme/segments/{segment.pk}/edit/"
    assert 'name="version" value="1"' in words(client.get(url))
    services.change_segment(
        segment=segment, name="Renamed", description="For the fair", by=None, version=1,
        rule=rules.read({"join": "all", "rules": [{"kind": "field", "of": "city", "op": "empty"}]}),
    )  # fmt: skip
    mine = row(news, save="1", name="Mine", version="1")
    reply = client.post(url, mine)
    assert reply.status_code == 409
    for text in (
        "Somebody saved another version",
        "City is empty",
        'value="Mine"',
        'name="version" value="2"',
    ):
        assert text in words(reply)
    assert reply.context["differs"] == {
        "Name": "Renamed",
        "What it is for": "For the fair",
        "Who is meant": "City is empty",
    }
    assert client.post(url, mine | {"version": "2"}).status_code == 302
    assert Segment.objects.get().name == "Mine"


def test_only_what_differs_is_named(browse, news, make):
    segment = make("Readers", on(news))
    services.change_segment(
        segment=segment, name="Renamed", description="", by=None, version=1, rule=rules.read(segment.rule)
    )
    url = f"/w/acme/segments/{segment.pk}/edit/"
    reply = browse("editor").post(url, row(news, save="1", name="Readers", version="1"))
    assert (reply.status_code, reply.context["differs"]) == (409, {"Name": "Renamed"})


def test_pressing_save_twice_saves_once(browse, news):
    client, values = browse("editor"), row(news, save="1", name="Readers")
    assert [client.post(NEW, values).status_code for _ in range(2)] == [302, 302]
    segment = Segment.objects.get()
    url = f"/w/acme/segments/{segment.pk}/edit/"
    changed = values | {"name": "Readers of News", "version": "1"}
    assert [client.post(url, changed).url for _ in range(2)] == [f"/w/acme/segments/{segment.pk}/"] * 2
    segment.refresh_from_db()
    assert (segment.name, segment.version) == ("Readers of News", 2)


def test_editing_leads_back_to_the_segment(browse, news, make):
    segment = make("Readers", on(news))
    reply = browse("editor").post(
        f"/w/acme/segments/{segment.pk}/edit/", row(news, save="1", name="Readers of News", version="1")
    )
    assert reply.url == f"/w/acme/segments/{segment.pk}/"
    assert Segment.objects.get().name == "Readers of News"


def test_a_rule_from_elsewhere_opens_the_builder(browse, news, workspace):
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    client = browse("editor")
    rule = json.dumps({"join": "any", "rules": [on(news), {"kind": "field", "of": "city", "op": "is"}]})
    assert "on the list “News” or City is …" in words(client.get(NEW, {"rule": rule}))
    assert "on the list “News” and tagged “VIP”" in words(client.get(NEW, {"list": news.pk, "tag": tag.pk}))


@pytest.mark.parametrize(
    "query",
    [
        {"rule": "x"}, {"rule": "[]"}, {"rule": "7"}, {"rule": "{" * 2000}, {"rule": "[" * 90_000}, {"list": "x"},
        {"rule": '{"join":[],"rules":[{"kind":{},"of":[],"op":{}}]}'}, {"rule": '{"rules":[{"kind":"list","of":-1}]}'},
        {"rule": '{"rules":[{"kind":"field","of":"city","op":{},"value":{"a":1},"name":[1]}]}'}, {"list": "9" * 30},
        {"rule": '{"rules":[{"kind":"field","of":"city","op":"contains","value":"\\ud800"}]}'},
        {"rule": '{"rules":[{"kind":"field","of":"@added","op":"within","value":7}]}'}, {"list": "\u0663"},
        {"rule": '{"rules":[{"kind":"field","of":"\\u0000","op":"is","value":["\\u0000"],"name":"\\u0000"}]}'},
    ],
)  # fmt: skip
def test_nonsense_from_elsewhere_opens_the_builder_all_the_same(browse, query):
    assert browse("editor").get(NEW, query).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        {"node": "c1 g1", "c1.of": "field:city", "c1.op": "is", "c1.value": "\x00"},
        {"node": "c1 g1", "c1.of": "field:@added", "c1.op": "before", "c1.value": "9999-12-31"},
        {"node": "c1 g1", "c1.of": "field:@added", "c1.op": "before", "c1.value": "0001-01-01"},
        {"node": "c1 g1", "c1.of": "list:9223372036854775807", "c1.op": "on"},
        {"node": "c1 g1", "c1.of": "field:\x00", "c1.op": "is"},
        {"node": "c1 g1", "c1.of": "field:city", "c1.op": "is", "c1.name": "\x00"},
        {"find": "\x00"}, {"do": "\x00 g1"}, {"add": "\x00"}, {"add": '{"rules":[' * 450 + "]}" * 450},
        {"add": '{"rules":[' * 240 + "]}" * 240}, {"show": "all \x00"}, {"who": "\x00abc", "show": "all"}, {"showing": "odd"},
        {"before": "x", "show": "all"}, {"why": "x"}, {"at": "\x00"}, {"show": "random"}, {"name": "\x00", "do": "at g1"},
    ],
)  # fmt: skip
def test_nonsense_in_the_form_breaks_nothing(browse, values):
    client = browse("editor")
    for target in ("rule", "standing", "shares", "people", "why", "offers"):
        ask(client, NEW, values, target)
    assert client.post(NEW, values | {"save": "1", "name": "x"}).status_code in (302, 422)


def test_a_segment_is_not_offered_to_itself(browse, news, make):
    segment = make("Readers of all kinds", on(news))
    make("Others", on(news))
    seen = words(browse("editor").get(f"/w/acme/segments/{segment.pk}/edit/"))
    assert "<bdi>Others</bdi></button>" in seen
    assert "<bdi>Readers of all kinds</bdi></button>" not in seen


def test_a_kind_that_another_app_registers_is_offered_and_drawn(browse, monkeypatch):
    class Weather(rules.Kind):
        key, title, noun, takes_ids = "weather", "Weather", "weather", True

        def all_ops(self):
            return {"over": rules.Op("is over", "{of} over {value}", rules.Takes.NUMBER)}

        def things(self, workspace, only=None):
            return {7: rules.Thing("Rain in Bern")}

        def sql(self, condition, thing, write):
            return f"(c.id > {write.put(condition.value)})"

    monkeypatch.setitem(rules.KINDS, "weather", Weather())
    client = browse("editor")
    assert "Rain in Bern" in words(client.get(NEW))
    assert "“Rain in Bern” over 20" in words(ask(client, NEW, {"find": "rain over 20"}, "offers"))
    form = {"node": "c1 g1", "c1.of": "weather:7", "c1.op": "over", "c1.value": "20"}
    assert "0 people" in words(ask(client, NEW, form, "standing"))
    assert 'value="20"' in words(ask(client, NEW, form, "rule"))


def test_suggestions_go_on_from_what_is_typed(browse, workspace):
    for city in ("Bern", "Chur", HOSTILE[:120]):
        ContactFactory(workspace=workspace, city=city)
    client = browse("editor")

    def options(typed):
        reply = client.post("/w/acme/segments/values/?of=city&row=c1", {"c1.value": typed})
        assert b"<script" not in reply.content
        return reply.context["options"]

    assert options("")[-2:] == ["Bern", "Chur"]
    assert options("Bern, C")[-1] == "Bern, Chur"
    assert client.post("/w/acme/segments/values/?of=%00&row=").status_code == 200


# One segment


def test_the_page_of_a_segment_shows_people_by_state(browse, news, make):
    ana = SubscriptionFactory(list=news, contact__first_name="Ana").contact
    SuppressionFactory(contact=SubscriptionFactory(list=news, contact__first_name="Ben").contact)
    ContactFactory(workspace=news.workspace, first_name="Cleo")
    segment = make("Readers", on(news))
    client, url = browse("editor"), f"/w/acme/segments/{segment.pk}/"

    def shown(query=""):
        return {one[3].split()[0] for one in client.get(f"{url}?{query}").context["members"]["rows"]}

    assert shown() == {"Ana", "Ben"}
    assert shown("show=mailable") == {"Ana"}
    assert shown("show=suppressed") == {"Ben"}
    assert shown("show=random") == {"Ana", "Ben"}
    assert shown("who=ana") == {"Ana"}
    assert "Not searched yet" in words(client.get(f"{url}?who=_"))
    seen = words(client.get(url))
    assert "2 people" in seen
    assert "worked out when a campaign is released" in seen
    assert f"?why={ana.pk}" in seen


def test_why_somebody_is_in_it_or_not(browse, news, make):
    inside = SubscriptionFactory(list=news).contact
    outside = ContactFactory(workspace=news.workspace, email="ana@secret.test")
    segment = make("Readers", on(news))
    url = f"/w/acme/segments/{segment.pk}/"
    viewer = browse("viewer")
    assert "is in it" in words(viewer.get(f"{url}?why={inside.pk}"))
    asked = words(viewer.post(url, {"address": " Ana@Secret.test "}))
    assert "is not in it" in asked
    assert "ana@secret" not in asked.lower().replace(str(outside.full_name).lower(), "")
    assert "Nobody in this workspace has this address" in words(viewer.post(url, {"address": "x@y.test"}))
    assert "This is no address" in words(viewer.post(url, {"address": "x"}))


def test_viewers_see_no_address(browse, news, make, workspace):
    ContactFactory(workspace=workspace, email="ana@secret.test")
    segment = make("Ana", {"kind": "field", "of": "@email", "op": "is", "value": ["ana@secret.test"]})
    for path in (
        "segments/",
        f"segments/{segment.pk}/",
        f"segments/{segment.pk}/?why={Contact.objects.get().pk}",
    ):
        assert b"ana@secret.test" in browse("editor").get(f"/w/acme/{path}").content
        assert b"ana@secret" not in browse("viewer").get(f"/w/acme/{path}").content


def test_archiving_names_the_uses_first(browse, workspace, news, make):
    segment = make("Readers", on(news))
    CampaignFactory(workspace=workspace, name="November").segments.add(segment)
    client, url = browse("editor"), f"/w/acme/segments/{segment.pk}/"
    for name, status in (("December", "scheduled"), ("October", "sent")):
        CampaignFactory(workspace=workspace, name=name, status=status).segments.add(segment)
    make("Others", {"kind": "segment", "of": segment.pk, "op": "in"})
    page = words(client.get(url)).replace("/w/acme", "")
    campaign = Campaign.objects.get(name="November")
    assert (
        f'<dt>Campaign · draft</dt><dd><a href="{campaign.get_absolute_url()}"><bdi>November</bdi></a></dd><dd class="quiet small">'
        "Cannot go out before this is taken out of it or brought back.</dd>"
    ) in page
    assert '<bdi>December</bdi></a></dd><dd class="quiet small">Still goes as it was released' in page
    assert '<bdi>Others</bdi></a></dd><dd class="quiet small">Goes on asking for it.' in page
    assert page.count("<bdi>October</bdi>") == 1
    client.post(f"{url}archive/")
    assert "Bring back" in words(client.get(url))
    make("readers", on(news))
    assert "Another segment has this name. Rename one of them first." in words(
        client.post(f"{url}restore/", follow=True)
    )
    reply = client.post(f"{url}duplicate/")
    assert reply.url == f"/w/acme/segments/{Segment.objects.latest('pk').pk}/edit/"
    assert client.post(f"{url}count/").url == "/w/acme/segments/"
    assert client.post(f"{url}count/", {"next": url}).url == url


def test_a_segment_costs_the_same_for_one_person_and_three(browse, news, make, workspace):
    SubscriptionFactory(list=news)
    ConnectionFactory(workspace=workspace)
    segment = make("Readers", on(news))
    client, url = browse(), f"/w/acme/segments/{segment.pk}/"
    one = queries_of(client, url)
    SubscriptionFactory(list=news)
    SubscriptionFactory(list=news)
    assert queries_of(client, url) == one


@pytest.mark.parametrize("path", ["", "edit/", "duplicate/", "archive/", "restore/", "count/"])
def test_what_belongs_to_another_workspace_is_not_there(browse, path):
    other = WorkspaceFactory()
    segment = Segment.objects.create(workspace=other, name="x", rule={"join": "all", "rules": []})
    url, client = f"/w/acme/segments/{segment.pk}/{path}", browse()
    assert client.post(url).status_code == 404


def test_nobody_of_another_workspace_is_explained(browse, news, make):
    segment, foreign = make("Readers", on(news)), ContactFactory()
    client = browse()
    assert client.get(f"/w/acme/segments/{segment.pk}/?why={foreign.pk}").status_code == 404
    assert client.post(NEW, row(news, why=foreign.pk)).status_code == 404


def test_viewers_change_nothing(browse, news, make):
    segment = make("Readers", on(news))
    viewer = browse("viewer")
    for path in (
        "new/",
        "values/",
        f"{segment.pk}/edit/",
        f"{segment.pk}/archive/",
        f"{segment.pk}/duplicate/",
        f"{segment.pk}/count/",
    ):
        assert viewer.post(f"/w/acme/segments/{path}").status_code == 403


def test_hostile_text_stays_text(browse, workspace, make):
    mine: List = ListFactory(workspace=workspace, name=HOSTILE)
    SubscriptionFactory(list=mine, contact__first_name=HOSTILE[:100])
    segment = make(HOSTILE, on(mine), {"kind": "field", "of": "city", "op": "is_not", "value": [HOSTILE]})
    client = browse("editor")
    for path in (
        "segments/",
        f"segments/{segment.pk}/",
        f"segments/{segment.pk}/edit/",
        f"segments/new/?list={mine.pk}",
    ):
        reply = client.get(f"/w/acme/{path}")
        assert b"<script>alert" not in reply.content
        assert b"&lt;script&gt;alert" in reply.content
