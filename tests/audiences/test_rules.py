"""Rules as SQL, in words, and held against the same rules in plain Python."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import MirrorKind, MirrorRow
from accounts.names import folded
from audiences import rules
from audiences.models import (
    Consent,
    ConsentBasis,
    Contact,
    Engagement,
    Field,
    Segment,
    Subscription,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People, contacts, split
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
FIELDS = {"size": "number", "born": "date", "vip": "boolean", "colour": "choice", "note": "text"}


def group(join, *inner):
    return {"join": join, "rules": list(inner)}


def on(kind, of, op, value=None):
    return {"kind": kind, "of": of, "op": op} | ({} if value is None else {"value": value})


def ago(days):
    return NOW - timedelta(days=days)


class World:
    """A workspace with two lists, two tags, one account, one segment, and people as told."""

    def __init__(self, people):
        self.workspace = WorkspaceFactory(time_zone="Pacific/Auckland")
        self.lists = [ListFactory(workspace=self.workspace, name=f"L{n}") for n in range(2)]
        self.tags = [Tag.objects.create(workspace=self.workspace, name=f"T{n}") for n in range(2)]
        self.account = ConnectionFactory(workspace=self.workspace)
        for key, kind in FIELDS.items():
            Field.objects.create(workspace=self.workspace, key=key, label=key, kind=kind)
        self.segment = Segment.objects.create(
            workspace=self.workspace, name="S", rule=group("any", on("tag", self.tags[0].pk, "has"))
        )
        basis = ConsentBasis.objects.create(workspace=self.workspace, source="Form")
        self.people = {}
        for number, told in enumerate(people):
            email = f"p{number}@{told['domain']}"
            contact = ContactFactory(
                workspace=self.workspace, email=email, first_name=told["first"], language=told["language"],
                city=told["city"], custom=told["custom"], created_at=ago(told["added"]), tracking=told["tracking"],
            )  # fmt: skip
            for mine, joined in zip(self.lists, told["lists"], strict=True):
                if joined:
                    SubscriptionFactory(
                        list=mine, contact=contact, status=joined[0], changed_at=ago(joined[1])
                    )
            for tag, has in zip(self.tags, told["tags"], strict=True):
                if has:
                    Tagging.objects.create(tag=tag, contact=contact)
            if told["reason"]:
                SuppressionFactory(contact=contact, reason=told["reason"])
            if told["clicked"] is not None:
                Engagement.objects.create(
                    contact=contact, clicks=1, opens=0, last_click_at=ago(told["clicked"])
                )
            for days, kind in told["consents"]:
                Consent.objects.create(contact=contact, basis=basis, kind=kind, at=ago(days))
            if told["mirror"]:
                MirrorRow.objects.create(
                    connection=self.account, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id=email,
                    theirs={"blocked": told["mirror"] == "blocked"}, gone_at=ago(1) if told["mirror"] == "gone" else None,
                )  # fmt: skip
            self.people[email] = told

    def found(self, data):
        rule = rules.read(data)
        known = rules.Known.of(self.workspace, rule)
        fits = rules.where(rule, known, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute(
                f"select email from audiences_contact c where workspace_id = %(w)s and {fits.sql}",
                fits.values | {"w": self.workspace.pk},
            )
            return {email for (email,) in cursor.fetchall()}

    def expected(self, data):
        return {email for email, told in self.people.items() if self._fits(data, email, told)}

    def _fits(self, node, email, told):
        if "join" in node:
            inner = [self._fits(one, email, told) for one in node["rules"]]
            return {"all": all(inner), "any": any(inner), "none": not any(inner)}[node["join"]]
        kind, of, op, value = node["kind"], node["of"], node["op"], node.get("value")
        return getattr(self, f"_{kind}")(email, told, of, op, value)

    def _field(self, email, told, of, op, value):
        if of == "@added":
            # Auckland is 13 hours ahead in March: noon there is tomorrow.
            return in_span(op, value, (ago(told["added"]) + timedelta(hours=13)).date(), date(2026, 3, 2))
        here = {"@email": email, "@domain": told["domain"], "language": told["language"], "city": told["city"],
                "first_name": told["first"]}.get(of, told["custom"].get(of))  # fmt: skip
        if op == "empty":
            return here in (None, "")
        if op == "filled":
            return here not in (None, "")
        if of == "size":
            is_number = isinstance(here, int | float) and not isinstance(here, bool)
            return is_number and compare(op, here, value) if op != "differs" else here != value
        if of == "born":
            if not isinstance(here, str) or not here:
                return op == "not_in_last"
            return in_span(op, value, date.fromisoformat(here), date(2026, 3, 2))
        if of == "vip":
            return here is (op == "yes")
        fold = {"language": str, "colour": str, "@domain": str, "@email": str.lower}.get(of, folded)
        low = fold("" if here is None else str(here))
        values = [fold(one) for one in (value if isinstance(value, list) else [value])]
        return {
            "is": low in values, "is_not": low not in values, "contains": values[0] in low,
            "not_contains": values[0] not in low, "begins": low.startswith(values[0]), "ends": low.endswith(values[0]),
        }[op]  # fmt: skip

    def _list(self, email, told, of, op, value):
        return self._joined(told["lists"][[mine.pk for mine in self.lists].index(of)], op, value)

    def _any(self, email, told, of, op, value):
        if of == "tag":
            return any(told["tags"]) is (op == "has")
        number = sum(self._joined(one, "on", None) for one in told["lists"])
        if op == "not_on":
            return number == 0
        if op in ("at_least", "at_most", "exactly"):
            return compare("equals" if op == "exactly" else op, number, value)
        return any(self._joined(one, op, value) for one in told["lists"])

    def _joined(self, joined, op, value):
        status, days = joined or ("", 0)
        if op == "not_on":
            return status != "subscribed"
        verb, _, period = op.partition("_")
        wanted = {"pending": "pending", "left": "unsubscribed"}.get(verb, "subscribed")
        return status == wanted and (not period or in_period(period, days, value))

    def _tag(self, email, told, of, op, value):
        return told["tags"][[tag.pk for tag in self.tags].index(of)] is (op == "has")

    def _engagement(self, email, told, of, op, value):
        days = told["clicked"] if of == "clicked" else None
        if op in ("at_least", "at_most"):
            return (days is not None) >= value if op == "at_least" else (days is not None) <= value
        period = {"last_before": "before"}.get(op, op.removeprefix("not_"))
        did = days is not None and (value is None or in_period(period, days, value))
        return did is (op in ("ever", "in_last", "since", "last_before"))

    def _mailable(self, email, told, of, op, value):
        is_in = bool(told["reason"]) if of == "any" else told["reason"] == of
        return is_in is (op == "is")

    def _consent(self, email, told, of, op, value):
        if of == "tracking":
            newest = {"granted": "given", "denied": "withdrawn"}.get(told["tracking"])
        else:
            newest = min(told["consents"], default=(0, None))[1]
        return {
            "given": newest == "given",
            "not_given": newest != "given",
            "denied": newest == "withdrawn",
        }[op]

    def _account(self, email, told, of, op, value):
        state = told["mirror"]
        return {
            "in": state in ("there", "blocked"), "not_in": state not in ("there", "blocked"),
            "blocked": state == "blocked", "gone": state == "gone",
        }[op]  # fmt: skip

    def _segment(self, email, told, of, op, value):
        return told["tags"][0] is (op == "in")


def in_period(period, days, value):
    """Of what was so many days ago."""
    if period == "in_last":
        return days <= value
    day = (ago(days) + timedelta(hours=13)).date()
    value = {"since": [value, "9999-12-31"], "before": ["0001-01-01", value]}.get(period, value)
    first, last = (date.fromisoformat(one) for one in value)
    return first <= day < last if period == "before" else first <= day <= last


def compare(op, here, value):
    if op == "between":
        return value[0] <= here <= value[1]
    return {
        "equals": here == value, "at_least": here >= value, "at_most": here <= value, "more": here > value, "less": here < value,
    }[op]  # fmt: skip


def in_span(op, value, day, today):
    near = timedelta(days=value) if isinstance(value, int) else None
    if op == "month":
        return f"{day:%m}" == value
    if op == "anniversary":
        return day.strftime("%m-%d") in {
            (today + timedelta(days=n)).strftime("%m-%d") for n in range(value + 1)
        }
    return {
        "in_last": lambda: today - near <= day <= today,
        "not_in_last": lambda: not today - near <= day <= today,
        "in_next": lambda: today <= day <= today + near,
        "on": lambda: day == date.fromisoformat(value),
        "before": lambda: day < date.fromisoformat(value),
        "after": lambda: day > date.fromisoformat(value),
        "within": lambda: date.fromisoformat(value[0]) <= day <= date.fromisoformat(value[1]),
    }[op]()


words = st.sampled_from(
    ["", "fr", "FR", "Bern", "bern", "a%b", "a_b", "ac", "\\", "Zürich", "Straße", "Ærø", "“"]
)
filled = st.sampled_from(
    [
        "fr",
        "FR",
        "Bern",
        "BERN",
        "a%b",
        "a_b",
        "b",
        "\\",
        "Zürich",
        "ZURICH",
        "u\u0308",
        "strasse",
        "ß",
        "aero",
        "example.org",
    ]
)
spans = st.integers(0, 30)
days = st.sampled_from(["2026-02-20", "2026-03-01", "2026-03-02", "2026-03-05", "1990-03-03", "2000-02-29"])
people = st.lists(
    st.fixed_dictionaries({
        "domain": st.sampled_from(["example.org", "b.test"]), "first": words, "language": words, "city": words,
        "custom": st.fixed_dictionaries({}, optional={
            "size": st.sampled_from([0, 38, 38.5, "38", None, True]), "born": st.one_of(days, st.just("")),
            "vip": st.booleans(), "colour": words, "note": words,
        }),
        "added": st.integers(0, 40), "tracking": st.sampled_from(Contact.Tracking.values),
        "lists": st.tuples(*[st.one_of(
            st.none(), st.tuples(st.sampled_from(Subscription.Status.values), st.integers(0, 40))
        )] * 2),
        "tags": st.tuples(st.booleans(), st.booleans()),
        "reason": st.sampled_from(["", "", "bounced", "complained"]),
        "clicked": st.one_of(st.none(), st.integers(0, 40)),
        "consents": st.lists(
            st.tuples(st.integers(0, 40), st.sampled_from(["given", "withdrawn"])), max_size=2, unique_by=lambda c: c[0]
        ),
        "mirror": st.sampled_from(["", "there", "blocked", "gone"]),
    }),
    min_size=1, max_size=4,
)  # fmt: skip
DATES = ["in_last", "not_in_last", "in_next", "anniversary"]


def conditions_of(world):
    def texts(ops):
        return st.tuples(st.sampled_from(ops), st.lists(filled, min_size=1, max_size=2, unique=True))

    def fields(ofs, pairs):
        return st.builds(lambda of, pair: on("field", of, *pair), st.sampled_from(ofs), pairs)

    bare = st.tuples(st.sampled_from(["empty", "filled"]))
    two = st.tuples(days, days).map(sorted)
    plain = st.one_of(texts(["is", "is_not"]), bare)
    one = st.tuples(st.sampled_from(["contains", "not_contains", "begins", "ends"]), filled)
    sizes = st.sampled_from([0, 38, 38.5])
    near = st.sampled_from(["2026-01-25", "2026-02-10", "2026-02-20", "2026-03-02"])
    joins = st.one_of(
        st.tuples(st.sampled_from(["on", "not_on", "pending", "left"])),
        st.tuples(st.sampled_from(["joined_in_last", "left_in_last"]), spans),
        st.tuples(st.sampled_from(["joined_since", "left_since", "joined_before", "left_before"]), near),
        st.tuples(st.sampled_from(["joined_within", "left_within"]), st.tuples(near, near).map(sorted)),
    )
    return st.one_of(
        fields(["city", "first_name", "note"], st.one_of(plain, one)),
        fields(["language", "colour"], plain),
        fields(["@email"], st.one_of(texts(["is"]), one)),
        fields(["@domain"], texts(["is", "is_not"])),
        fields(["size"], st.one_of(
            bare, st.tuples(st.just("between"), st.tuples(sizes, sizes).map(sorted)),
            st.tuples(st.sampled_from(["equals", "differs", "at_least", "at_most", "more", "less"]), sizes),
        )),
        fields(["born"], st.one_of(
            bare, st.tuples(st.sampled_from(DATES), spans), st.tuples(st.just("within"), two),
            st.tuples(st.sampled_from(["on", "before", "after"]), days), st.tuples(st.just("month"), st.sampled_from(["02", "03"])),
        )),
        fields(["@added"], st.one_of(
            st.tuples(st.sampled_from(DATES[:2]), spans), st.tuples(st.sampled_from(["on", "before", "after"]), days)
        )),
        fields(["vip"], st.tuples(st.sampled_from(["yes", "no", "empty", "filled"]))),
        st.builds(lambda mine, pair: on("list", mine.pk, *pair), st.sampled_from(world.lists), joins),
        st.builds(lambda pair: on("any", "list", *pair), joins),
        st.builds(
            lambda op, number: on("any", "list", op, number),
            st.sampled_from(["at_least", "at_most", "exactly"]), st.sampled_from([0, 1, 1.5, 2, 3]),
        ),
        st.builds(lambda op: on("any", "tag", op), st.sampled_from(["has", "has_not"])),
        st.builds(lambda tag, op: on("tag", tag.pk, op), st.sampled_from(world.tags), st.sampled_from(["has", "has_not"])),
        st.builds(
            lambda of, pair: on("engagement", of, *pair), st.sampled_from(["opened", "clicked"]),
            st.one_of(
                st.tuples(st.sampled_from(["ever", "never"])), st.tuples(st.sampled_from(["in_last", "not_in_last"]), spans),
                st.tuples(st.sampled_from(["since", "not_since", "last_before"]), near),
                st.tuples(st.sampled_from(["at_least", "at_most"]), st.sampled_from([0, 1, 1.5, 2])),
            ),
        ),
        st.builds(
            lambda of, op: on("mailable", of, op), st.sampled_from(["any", "bounced"]), st.sampled_from(["is", "is_not"])
        ),
        st.builds(
            lambda of, op: on("consent", of, op),
            st.sampled_from(["mail", "tracking"]), st.sampled_from(["given", "not_given", "denied"]),
        ),
        st.builds(
            lambda op: on("account", world.account.pk, op), st.sampled_from(["in", "not_in", "blocked", "gone"])
        ),
        st.builds(lambda op: on("segment", world.segment.pk, op), st.sampled_from(["in", "not_in"])),
    )  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(people, st.data())
def test_sql_finds_whom_plain_python_finds(told, data):
    world = World(told)
    tree = st.recursive(
        conditions_of(world),
        lambda inner: st.builds(
            lambda join, of: group(join, *of), st.sampled_from(["all", "any", "none"]), st.lists(inner, max_size=3)
        ),
        max_leaves=6,
    )  # fmt: skip
    for _ in range(12):
        rule = group("all", data.draw(tree))
        assert world.found(rule) == world.expected(rule), rule
        read = rules.read(rule)
        assert rules.read(rules.as_json(read)) == read
        assert rules.sentence(read, rules.Known.of(world.workspace, read))


@pytest.mark.parametrize(
    ("of", "op", "value", "found"),
    [
        ("city", "is", ["koln"], True), ("city", "is", ["KÖLN"], True), ("city", "is", ["Ko\u0308ln"], True),
        ("city", "is_not", ["koln"], False), ("city", "contains", "ol", True), ("city", "begins", "kö", True),
        ("city", "ends", "ön", False), ("city", "is", ["%"], False), ("city", "contains", "％", False),
        ("city", "contains", "\u0308", False), ("city", "not_contains", "\u0308", True),
        ("first_name", "begins", "jose", True), ("note", "is", ["creme brulee"], True), ("note", "contains", "BRÛ", True),
    ],
)  # fmt: skip
def test_texts_are_the_same_whatever_their_accents(workspace, of, op, value, found):
    Field.objects.create(workspace=workspace, key="note", label="Note", kind="text")
    ContactFactory(workspace=workspace, city="Köln", first_name="José", custom={"note": "Crème brûlée"})

    people = People(workspace, rule=rules.read(group("all", on("field", of, op, value))))

    assert split(people)[0] == found


@pytest.fixture
def known_people(workspace):
    """Ana and Ben, tagged VIP; Ana is on News and suppressed."""
    news = ListFactory(workspace=workspace, name="News")
    vip = Tag.objects.create(workspace=workspace, name="VIP")
    ana, ben = (ContactFactory(workspace=workspace, email=f"{name}@x.test") for name in ("ana", "ben"))
    for contact in (ana, ben):
        Tagging.objects.create(tag=vip, contact=contact)
    SubscriptionFactory(list=news, contact=ana)
    SuppressionFactory(contact=ana)
    return news, vip


def test_a_rule_reads_as_a_sentence_with_the_names_of_today(workspace, known_people):
    news, vip = known_people
    rule = rules.read(
        group(
            "all",
            on("list", news.pk, "on"),
            on("engagement", "clicked", "in_last", 90),
            group("any", on("field", "language", "is", ["fr", "de"]), on("field", "language", "empty")),
            group("none", on("tag", vip.pk, "has"), on("field", "@added", "in_last", 1)),
        )
    )

    assert rules.sentence(rule, rules.Known.of(workspace, rule)) == (
        "on the list “News” and clicked in a campaign in the last 90 days and (Language is “fr” or “de” or "
        "Language is empty) and none of (tagged “VIP” or Added here in the last day)"
    )


def test_people_of_a_rule_are_listed_and_counted_with_the_suppressed_apart(workspace, known_people):
    _, vip = known_people
    people = People(workspace, rule=rules.read(group("all", on("tag", vip.pk, "has"))))

    assert [row.email for row in contacts(people).rows] == ["ben@x.test", "ana@x.test"]
    assert split(people) == (2, 1)
    assert People.from_json(workspace, people.as_json()) == people


def test_what_is_gone_is_named_and_nobody_is_found(workspace, known_people):
    news, vip = known_people
    rule = rules.read(group("all", on("list", news.pk, "not_on"), on("tag", vip.pk, "has_not")))
    rule = rules.named(rule, rules.Known.of(workspace, rule))
    vip.delete()
    known = rules.Known.of(workspace, rule)

    assert rules.missing(rule, known) == ["The tag “VIP” is gone"]
    assert rules.sentence(rule, known) == "not on the list “News” and not tagged “VIP” (gone)"
    with pytest.raises(rules.Incomplete) as refusal:
        contacts(People(workspace, rule=rule))
    assert refusal.value.sentence == "The tag “VIP” is gone. Change the rule, then it can be worked out."


def test_a_foreign_list_is_gone(workspace):
    theirs = ListFactory()
    rule = rules.read(group("all", on("list", theirs.pk, "on")))

    assert rules.missing(rule, rules.Known.of(workspace, rule)) == ["The list is gone"]


def test_a_field_whose_kind_changed_no_longer_fits(workspace):
    Field.objects.create(workspace=workspace, key="size", label="Size", kind="text")
    rule = rules.read(group("all", on("field", "size", "more", 3)))

    assert rules.missing(rule, rules.Known.of(workspace, rule)) == ["The field “Size” is of another kind now"]


def test_segments_that_use_each_other_in_a_circle_are_refused(workspace):
    one, two = (
        Segment.objects.create(workspace=workspace, name=name, rule=group("all")) for name in ("One", "Two")
    )
    Segment.objects.filter(pk=one.pk).update(rule=group("all", on("segment", two.pk, "in")))
    Segment.objects.filter(pk=two.pk).update(rule=group("all", on("segment", one.pk, "not_in")))
    rule = rules.read(group("all", on("segment", one.pk, "in")))

    with pytest.raises(rules.Incomplete) as refusal:
        rules.where(rule, rules.Known.of(workspace, rule))
    assert (
        refusal.value.sentence
        == "Segments go 5 deep into each other at most, and never in a circle. Take one out."
    )


@pytest.mark.parametrize(
    ("data", "sentence", "at"),
    [
        (None, "This rule cannot be read. Build it again.", ()),
        ({"join": "maybe", "rules": []}, "This group cannot be read. Take it out and add it again.", ()),
        (group("all", 7), "This condition cannot be read. Take it out and add it again.", (0,)),
        (group("all", group("any", on("moon", "x", "is"))), "Choose what this condition is about.", (0, 0)),
        (group("all", on("list", "7", "on")), "This condition cannot be read. Take it out and add it again.", (0,)),
        (group("all", on("list", 2**70, "on")), "This condition cannot be read. Take it out and add it again.", (0,)),
        (group("all", on("list", True, "on")), "Choose what this condition is about.", (0,)),
        (group("all", on("field", "city", "smells")), "Choose how this condition compares.", (0,)),
        (group("all", on("field", "city", "is", [" "])), "Say what to compare with.", (0,)),
        (group("all", on("field", "city", "contains", "a\x00")), "This text holds a letter that cannot be kept. Type it again.", (0,)),
        (group("all", on("field", "size", "more", "big")), "This is no number.", (0,)),
        (group("all", on("field", "size", "between", [3, 1])), "The first number is larger than the second.", (0,)),
        (group("all", on("field", "born", "on", "31.12.2026")), "This is no date.", (0,)),
        (group("all", on("field", "born", "in_last", 99999)), "Say a number of days, 3660 at most.", (0,)),
        (group("all", *[group("all")] * 101), "A rule holds 100 conditions at most. Put some into a segment.", ()),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_read_says_what_and_where(data, sentence, at):
    with pytest.raises(rules.BadRule) as refusal:
        rules.read(data)
    assert (refusal.value.sentence, refusal.value.at) == (sentence, at)
