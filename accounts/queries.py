"""What the pages of this app read, with a constant number of SQL queries each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts import activity
from accounts.attention import LIMIT, Item
from accounts.days import day_after, start_of
from accounts.http import WorkspaceRequest
from accounts.limits import ConnectionGate
from accounts.models import (
    ActivityEntry,
    Connection,
    MirrorKind,
    MirrorRow,
    OutboxEntry,
    Pull,
    User,
    Workspace,
)
from accounts.models.connections import app_credentials
from accounts.providers import PROVIDERS, provider_class
from accounts.providers.base import Provider, Way
from accounts.search import LIMIT as HITS
from accounts.search import Hit
from accounts.templatetags.ui import number
from accounts.vault import Locked

# A check nobody took up for this long: no worker is running.
WORKER_EXPECTED_SECONDS = 10
ACTIVITY_PAGE = 50
LOG_PAGE = 50


# Connections


def saved_connections(workspace: Workspace) -> QuerySet[Connection]:
    """What the workspace has, newest last, with its pull under way (`pulling`) and what was set aside (`aside`)."""
    aside = OutboxEntry.objects.filter(connection=OuterRef("pk"), state=OutboxEntry.State.SET_ASIDE)
    return (
        workspace.connections.exclude(status=Connection.Status.CHECKING)
        .annotate(
            pulling=Exists(Pull.objects.filter(connection=OuterRef("pk"), state=Pull.State.RUNNING)),
            aside=Subquery(aside.order_by().values("connection").annotate(n=Count("pk")).values("n")),
        )
        .order_by("pk")
    )


@dataclass(frozen=True, slots=True)
class ProviderWords:
    """A provider as a page speaks of it. Templates would call the class itself."""

    slug: str
    name: str
    help_url: str
    wants: str
    ways: tuple[Way, ...]


def provider_words(provider: type[Provider]) -> ProviderWords:
    first = provider.ways[0]
    wants = f"{provider.name}'s own page" if first.asks_there else _listed(first)
    return ProviderWords(provider.slug, provider.name, provider.help_url, wants, provider.ways)


def _listed(way: Way) -> str:
    first, *others = (credential.label for credential in way.credentials if not credential.is_flag)
    return ", ".join([first, *(label[:1].lower() + label[1:] for label in others)])


def is_of_the_sandbox(credentials: Iterable[str]) -> bool:
    """Whether these are such as only the sandbox beside us knows: no provider gives them out."""
    return any(value.startswith("sandbox-") for value in credentials)


# (slug, way) → what opens an account of the sandbox's.
_SANDBOX_WORDS = {
    ("brevo", "key"): "The API key sandbox-acme",
    ("especial", "login"): "The address sandbox-acme@example.test with any password",
    ("mailmojo", "client"): "The client id sandbox-acme with the secret sandbox",
    ("mailmojo", "managed"): "The username sandbox-acme",
    ("leadfox", "key"): "The API key sandbox-acme with any secret",
    ("emailcampaigns", "token"): "The token sandbox-acme, with no base URL,",
    ("emailcampaigns", "login"): "The user name sandbox-acme with any password, with no base URL,",
}


def sandbox_hint(provider: str, way: Way) -> str:
    """For whoever only tries it out, where the sandbox runs beside us."""
    if way.asks_there:
        has_app = all(app_credentials(provider, "").values())
        words = "" if has_app else "The page leads to an account"
    elif words := _SANDBOX_WORDS.get((provider, way.name), ""):
        words += " opens an account"
    return f"Only trying it out? {words} in the sandbox that runs beside Campanile." if words else ""


def providers() -> list[ProviderWords]:
    return [provider_words(provider_class(slug)) for slug in PROVIDERS]


def locked(connection: Connection) -> str:
    """Why the stored key cannot be read; empty when it can."""
    try:
        _ = connection.credentials
    except Locked as refusal:
        return refusal.sentence
    return ""


def is_unattended(check: Connection) -> bool:
    """Whether a check waits for a worker that does not come."""
    if check.checked_at or check.status_note:
        return False
    waited = (timezone.now() - check.created_at).total_seconds()
    return waited > WORKER_EXPECTED_SECONDS and check.outbox.filter(fence=0).exists()


# flag → what an account with it can do, by what it is about; the sentence for one without comes from the provider.
CAPABILITIES: Mapping[str, Mapping[str, str]] = {
    "Audience": {
        "shares_contacts": "A person stands there once, with all their lists.",
        "lists_changed_contacts": "Changed contacts are followed every minute, leaves among them.",
        "lists_leaves": "Who may not be mailed is read at intervals, apart from the people.",
        "blocks_contacts": "It is told who left elsewhere, and then refuses them too.",
        "deletes_contacts": "People can be deleted there.",
        "creates_fields": "Contact fields can be created there.",
        "has_folders": "Lists keep their folders.",
        "deletes_lists": "Lists can be removed there.",
        "replaces_members": "A list is given all its people at once.",
        "has_segments": "Saved segments can be read.",
        "creates_segments": "Segments can be made there.",
    },
    "Content": {
        "has_templates": "Templates are carried over.",
        "personalises": "Mails are filled in with each person's values.",
        "writes_fallbacks": "What stands where a value is missing is written into the mail.",
        "takes_preview_text": "The preview text is kept beside the subject.",
        "takes_reply_to": "Replies can go to another address than the sender's.",
        "links_unsubscribe": "The link to leave is the account's own.",
        "links_view": "Mails link to their web version.",
        "renders_campaigns": "It shows a draft as a given person gets it.",
    },
    "Sending": {
        "has_senders": "The senders it accepts are read.",
        "manages_senders": "Senders can be added and confirmed from here.",
        "lists_carry_sender": "The sender belongs to the list: each delivery gets one with the sender of its campaign.",
        "has_domains": "Sending domains and their DNS records can be read.",
        "manages_domains": "Sending domains can be authenticated from here.",
        "drafts_campaigns": "A campaign is prepared as a draft and compared before it is released.",
        "deletes_drafts": "Drafts that were not needed are removed again.",
        "sends_tests": "Test mails can be sent.",
        "schedules_campaigns": "Campaigns are given the exact minute at which they leave.",
        "unschedules_campaigns": "A scheduled campaign can be taken back before it starts.",
        "pauses_campaigns": "A campaign on its way can be paused.",
        "arms_by_value": "A release is an instant that is set, so the same release again changes nothing.",
        "refuses_second_arm": "A second release of one campaign is refused there.",
    },
    "Results": {
        "reports_figures": "Counts per campaign can be read.",
        "reports_people": "Who got it and what they did can be read.",
        "tells_machine_opens": "Opens by machines are told apart from people's.",
        "has_webhooks": "Events are reported here as they happen.",
        "lists_webhooks": "Registered webhooks can be read.",
    },
}


@dataclass(frozen=True, slots=True)
class Ability:
    """`label` is a sentence; `why` says more about what can be done."""

    can: bool
    label: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an account can do of one kind, first what it can."""

    title: str
    items: list[Ability]

    @property
    def able(self) -> int:
        return sum(item.can for item in self.items)


def abilities(provider: type[Provider]) -> list[Abilities]:
    """What an account there can do and what it cannot, each with its sentence."""
    groups = []
    for title, sentences in CAPABILITIES.items():
        items = [_ability(provider, flag, sentence) for flag, sentence in sentences.items()]
        groups.append(Abilities(title, sorted(items, key=lambda item: not item.can)))
    return groups


def _ability(provider: type[Provider], flag: str, sentence: str) -> Ability:
    if getattr(provider.capabilities, flag):
        return Ability(True, sentence, provider.capabilities.because.get(flag, ""))
    return Ability(False, provider.capabilities.sentence(flag))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One capability over all providers; `answers` are (provider's name, can, why or why not)."""

    label: str
    answers: list[tuple[str, bool, str]]


def compared_abilities() -> list[tuple[str, list[Comparison]]]:
    """By what they are about: every capability, and what each provider we know says to it."""
    known = [provider_class(slug) for slug in PROVIDERS]
    return [
        (title, [Comparison(label, [_answer(cls, flag) for cls in known]) for flag, label in labels.items()])
        for title, labels in CAPABILITIES.items()
    ]


def _answer(provider: type[Provider], flag: str) -> tuple[str, bool, str]:
    can = getattr(provider.capabilities, flag)
    why = provider.capabilities.because.get(flag, "") if can else provider.capabilities.sentence(flag)
    return provider.name, can, why


def quotas(connection: Connection) -> list[dict[str, Any]]:
    """What the provider last said of its limits, plus the published rates of each class."""
    gate = ConnectionGate(connection)
    seen = {row["name"]: row for row in gate.quotas()}
    return [
        {
            "name": name,
            "rates": ", ".join(_rate(rate.calls, rate.seconds) for rate in rates),
            "limit": None,
            "remaining": None,
            "reset_at": None,
            "seen_at": None,
            **seen.get(name, {}),
        }
        for name, rates in gate.rates.items()
    ]


def _rate(calls: int, seconds: int) -> str:
    each = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}.get(seconds, f"in {seconds} s")
    return f"{number(calls)} {each}"


@dataclass(frozen=True, slots=True)
class MirrorCount:
    label: str
    count: int
    gone: int
    url: str


# kind → words, and the page that lists our side of it (by URL name: it lives in an app above this one).
_MIRRORED = {
    MirrorKind.FOLDER: ("Folders", ""),
    MirrorKind.LIST: ("Lists", "audiences:lists"),
    MirrorKind.CONTACT: ("Contacts", "audiences:contacts"),
    MirrorKind.FIELD: ("Contact fields", ""),
    MirrorKind.SENDER: ("Senders", "campaigns:senders"),
    MirrorKind.TEMPLATE: ("Templates", "campaigns:templates"),
    MirrorKind.CAMPAIGN: ("Campaigns", "campaigns:campaigns"),
}


def mirror_counts(connection: Connection) -> list[MirrorCount]:
    """How much of each kind is mirrored, and how much of it is gone over there."""
    counted = (
        MirrorRow.objects.filter(connection=connection)
        .order_by()
        .values_list("kind")
        .annotate(Count("pk"), Count("gone_at"))
    )
    counts = {kind: (count, gone) for kind, count, gone in counted}
    return [
        MirrorCount(label, *counts.get(kind, (0, 0)), _url(name)) for kind, (label, name) in _MIRRORED.items()
    ]


def _url(name: str) -> str:
    try:
        return reverse(name) if name else ""
    except NoReverseMatch:
        return ""


def outbox_log(connection: Connection, *, before: int | None = None) -> tuple[list[OutboxEntry], int | None]:
    """A page of what was to leave or be read, newest first, without the quiet standing work; and where the next begins."""
    entries = OutboxEntry.objects.filter(connection=connection).order_by("-id")
    if before:
        entries = entries.filter(pk__lt=before)
    rows = list(entries[: LOG_PAGE + 1])
    return rows[:LOG_PAGE], rows[LOG_PAGE - 1].pk if len(rows) > LOG_PAGE else None


# Pulls


@dataclass(frozen=True, slots=True)
class PullStep:
    label: str
    state: str
    read: int
    total: int | None
    created: int
    changed: int
    unchanged: int
    rejected: int
    suppressed: int
    gathered: int


@dataclass(frozen=True, slots=True)
class PullProgress:
    """A pull as a page shows it. `share` 0–100 of the step under way, None when its total is not known."""

    pull: Pull
    steps: list[PullStep]
    step: PullStep
    share: int | None
    seconds_left: float | None
    waiting_for: str

    @property
    def read(self) -> int:
        return sum(step.read for step in self.steps)


def pull_progress(pull: Pull) -> PullProgress:
    """`waiting_for` is the outbox's note when the work under way is held up: a limit, an account that is away."""
    steps = [PullStep(**{name: row[name] for name in PullStep.__slots__}) for row in pull.progress()]
    step = steps[min(pull.step, len(steps) - 1)]
    share = min(99, round(100 * step.read / step.total)) if step.total else None
    entry = (
        OutboxEntry.objects.filter(
            connection_id=pull.connection_id, task=Pull.STEPS[pull.step][0], subject_id=pull.pk
        )
        .order_by("-id")
        .first()
        if pull.is_running
        else None
    )
    left = None
    if entry is not None and step.total and step.read:
        spent = (timezone.now() - entry.created_at).total_seconds()
        left = max(0.0, spent / step.read * (step.total - step.read))
    return PullProgress(pull, steps, step, share, left, entry.note if entry is not None else "")


def last_pull(connection: Connection) -> Pull | None:
    return connection.pulls.order_by("-created_at").first()


# Activity


def activity_page(
    workspace: Workspace,
    *,
    kind: str = "",
    actor: User | None = None,
    object_type: str = "",
    object_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
    zone: str = "UTC",
    before: int | None = None,
) -> tuple[list[ActivityEntry], int | None]:
    """A page of what happened, newest first, and the id the next page begins below. Days are days in `zone`."""
    entries = ActivityEntry.objects.filter(workspace=workspace).order_by("-id")
    if kind:
        begins = activity.KINDS[kind].verbs if kind in activity.KINDS else (f"{kind}.",)
        entries = entries.filter(reduce(or_, (Q(verb__startswith=begin) for begin in begins)))
    if actor is not None:
        entries = entries.filter(actor=actor)
    if object_type and object_id:
        entries = entries.filter(object_type=object_type, object_id=object_id)
    if since:
        entries = entries.filter(at__gte=start_of(since, ZoneInfo(zone)))
    if until:
        entries = entries.filter(at__lt=start_of(day_after(until), ZoneInfo(zone)))
    if before:
        entries = entries.filter(pk__lt=before)
    rows = list(entries[: ACTIVITY_PAGE + 1])
    return rows[:ACTIVITY_PAGE], rows[ACTIVITY_PAGE - 1].pk if len(rows) > ACTIVITY_PAGE else None


# What this app tells the bar, Home and the search


def accounts_in_need(workspace: Workspace) -> Iterable[Item]:
    """Connections to reconnect, and work that was set aside."""
    for connection in workspace.connections.filter(status=Connection.Status.RECONNECT)[:LIMIT]:
        yield Item(
            title=f"Reconnect {connection}",
            text=f"{connection.provider_name} no longer takes the credentials. Work for it waits in order.",
            url=connection.get_absolute_url(),
            at=connection.status_at,
            tone="bad",
        )
    aside = OutboxEntry.objects.filter(workspace=workspace, state=OutboxEntry.State.SET_ASIDE)
    for entry in aside.select_related("connection").order_by("-id")[:LIMIT]:
        yield Item(
            title=task_words(entry.task),
            text=entry.note or "It was set aside and waits for a person.",
            url=f"{entry.connection.get_absolute_url()}?tab=log#entry-{entry.pk}"
            if entry.connection
            else reverse("accounts:attention"),
            at=entry.ended_at,
        )


def running_pulls(workspace: Workspace) -> Iterable[Item]:
    pulls = Pull.objects.filter(connection__workspace=workspace, state=Pull.State.RUNNING)
    for pull in pulls.select_related("connection")[:LIMIT]:
        yield Item(
            title=f"Pulling {pull.connection}",
            text=Pull.STEPS[pull.step][1],
            url=pull.connection.get_absolute_url(),
            at=pull.created_at,
            tone="live",
        )


def search_connections(request: WorkspaceRequest, words: str) -> Iterable[Hit]:
    found = saved_connections(request.workspace).filter(name__holds=words)[:HITS]
    return [
        Hit(connection.name, connection.get_absolute_url(), connection.provider_name) for connection in found
    ]


def search_members(request: WorkspaceRequest, words: str) -> Iterable[Hit]:
    members = User.objects.filter(memberships__workspace=request.workspace)
    found = (members.filter(name__holds=words) | members.filter(email__icontains=words)).distinct()[:HITS]
    return [Hit(str(user), reverse("accounts:members"), user.email) for user in found]


# task → what a person calls it
_TASK_WORDS = {
    "accounts.check": "Read the account",
    "accounts.register_webhook": "Register the webhook",
    "audiences.erase_there": "Delete an erased person",
    "audiences.follow": "Follow changed contacts",
    "audiences.open_import": "Open a file of people",
    "audiences.read_import": "Read a file of people",
    "audiences.run_import": "Import people",
    "audiences.undo_import": "Roll back an import",
    **{task: f"Pull {label.lower()}" for task, label in Pull.STEPS},
}


def task_words(task: str) -> str:
    """The name of a piece of work in words: from the table, else from its task's name."""
    if task in _TASK_WORDS:
        return _TASK_WORDS[task]
    return task.partition(".")[2].replace("_", " ").capitalize()
