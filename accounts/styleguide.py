"""Every component of the pages, with usual, empty and overfull content: `/styleguide/`, for people who build."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

NOW = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
LONG = "Newsletter of the friends of the old bell tower, the market and the harbour, winter edition " * 2
HOSTILE = "<script>alert(1)</script> مرحبا بالعالم \u202e gnirts desrever"


class SampleFilters(forms.Form):
    q = forms.CharField(label="Search name or subject", required=False)
    status = forms.ChoiceField(
        choices=[("", "Any state"), ("draft", "Draft"), ("sent", "Sent")], required=False, label="State"
    )
    account = forms.ChoiceField(
        choices=[("", "Any account"), ("1", "Brevo Zürich")], required=False, label="Account"
    )


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", help_text="Only your team sees it.", max_length=80)
    subject = forms.CharField(label="Subject", required=False)
    share = forms.IntegerField(label="Share of the list", required=False)
    address = forms.EmailField(label="Reply to", required=False)
    account = forms.ChoiceField(label="Account", choices=[("", "Choose an account"), ("1", "Brevo Zürich")])
    send_at = forms.DateTimeField(
        label="Send at",
        help_text="In the zone Europe/Zurich.",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    text = forms.CharField(label="Text", widget=forms.Textarea(attrs={"rows": 4}), required=False)
    file = forms.FileField(label="File", required=False)
    track = forms.BooleanField(
        label="Count clicks", help_text="Links lead over the provider.", required=False
    )
    automatic = forms.BooleanField(label="Push every change at once", required=False, initial=True)
    kind = forms.ChoiceField(
        label="Content",
        choices=[("blocks", "Blocks"), ("html", "Raw HTML")],
        widget=forms.RadioSelect,
        initial="blocks",
    )
    lists = forms.MultipleChoiceField(
        label="Lists",
        choices=[("1", "News"), ("2", "Friends of the tower"), ("3", "Press")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )


def styleguide(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or settings.EMBEDDED):
        raise Http404
    return render(request, "styleguide.html", sample_page())


def sample_page() -> dict[str, Any]:
    bound = SampleForm({"name": "", "share": "lots", "account": "9", "lists": ["1"], "kind": "blocks"})
    bound.add_error(None, "The account is paused; open it to see why.")
    return {
        "rail": [
            {"label": "Home", "url": "#", "icon": "home"},
            {"label": "Campaigns", "url": "#", "icon": "campaigns", "active": True, "count": 3},
            {
                "label": "Audience",
                "icon": "audience",
                "children": [{"label": "Contacts", "url": "#"}, {"label": "Lists", "url": "#"}],
            },
            {"label": "Templates", "url": "#", "icon": "template"},
            {"label": "Senders", "url": "#", "icon": "sender"},
            {"label": "Reports", "url": "#", "icon": "report"},
            {"label": "Accounts", "icon": "connection", "children": [{"label": "Connections", "url": "#"}]},
            {"label": "Activity", "url": "#", "icon": "activity"},
            {"label": "Settings", "url": "#", "icon": "settings"},
        ],
        "request": SimpleNamespace(workspace="Turmfreunde Zürich", COOKIES={}, GET={}),
        "workspaces": [
            {"name": "Turmfreunde Zürich", "url": "#", "current": True},
            {"name": "Market hall", "url": "#", "current": False},
        ],
        "search_url": "#",
        "running": 2,
        "running_url": "#",
        "attention": 1,
        "attention_url": "#",
        "now": NOW,
        "long": LONG,
        "hostile": HOSTILE,
        "filters": SampleFilters({"status": "sent"}),
        "form": SampleForm(initial={"name": "Spring at the market"}),
        "bound": bound,
        "campaigns": [
            ("Spring at the market", "Tulips and bread", "draft", 48210, None, None, None),
            ("Bell concert", "Sunday at noon: twelve bells", "scheduled", 12904, NOW, None, None),
            ("Members' letter", "For the winter", "sending", 48211, NOW, 0.4182, 0.0721),
            ("Opening hours", "New from December", "sent", 1048576, NOW, 0.6113, 0.1204),
            ("Autumn appeal", "The last stone", "unknown", 911, NOW, None, None),
            (LONG, HOSTILE, "failed", 123456789, NOW, 0.9999, 0.0004),
        ],
        "chips": [{"label": "State: Sent", "url": "#"}, {"label": f"Account: {LONG}", "url": "#"}],
        "states": [
            "draft",
            "scheduled",
            "held",
            "sending",
            "sent",
            "unknown",
            "paused",
            "failed",
            "strange_word",
        ],
        "tones": ["info", "good", "warn", "bad"],
        "equation": [
            {"label": "selected", "count": 1048576, "url": "#"},
            {"label": "unsubscribed", "count": 31204, "url": "#"},
            {"label": "suppressed here or in any account", "count": 911, "url": "#"},
            {"label": "bounced", "count": 4021, "url": "#"},
            {"label": "without consent", "count": 0, "url": "#"},
            {"label": "duplicates", "count": 12, "url": "#"},
            {"label": "will receive it", "count": 1012428, "url": "#"},
        ],
        "steps": [
            {"label": "Held", "state": "done", "at": NOW},
            {"label": "Preparing", "state": "done", "at": NOW + timedelta(minutes=1)},
            {"label": "Ready", "state": "done", "at": NOW + timedelta(minutes=2)},
            {"label": "Armed", "state": "done", "at": NOW + timedelta(minutes=2)},
            {"label": "Accepted", "state": "current", "note": "by Brevo"},
            {"label": "Sending"},
            {"label": "Sent"},
        ],
        "steps_waiting": [
            {"label": "Held", "state": "done"},
            {"label": "Preparing", "state": "done"},
            {"label": "Ready", "state": "done"},
            {"label": "Not known yet", "state": "waiting", "note": "next look 10:14"},
            {"label": "Accepted"},
            {"label": "Sent"},
        ],
        "steps_failed": [
            {"label": "Held", "state": "done"},
            {"label": "Refused", "state": "failed", "note": "no credits left"},
            {"label": "Sent"},
        ],
        "timeline": [
            {"at": NOW, "who": "Ana Keller", "what": "Scheduled Bell concert for 12 904 people", "url": "#"},
            {"at": NOW - timedelta(hours=2), "who": "Brevo", "what": "Left the list News", "tone": "warn"},
            {
                "at": NOW - timedelta(days=1),
                "who": "Campanile",
                "what": "Pull finished",
                "tone": "good",
                "note": "48 211 read = 12 created + 9 changed + 48 190 unchanged",
            },
            {"at": NOW - timedelta(days=2), "who": LONG, "what": HOSTILE, "tone": "bad", "note": LONG},
        ],
        "capabilities": [
            {
                "title": "Sending",
                "able": 2,
                "items": [
                    {"can": True, "label": "Schedules campaigns to the minute"},
                    {"can": True, "label": "Sends a test to people you name", "why": "Fifty a day."},
                    {"can": False, "label": "Brevo has no pause; suspending stops what has not left yet."},
                ],
            },
            {"title": "Results", "able": 0, "items": [{"can": False, "label": LONG}]},
        ],
        "series": sample_series(),
        "links": [
            {
                "label": "https://turmfreunde.example/spring",
                "value": 4120,
                "share": 0.5321,
                "url": "#",
                "people_url": "#",
            },
            {
                "label": "https://turmfreunde.example/bells/tickets?utm_source=mail&utm_campaign=spring-at-the-market",
                "value": 2871,
                "share": 0.3708,
                "url": "#",
                "people_url": "#",
            },
            {"label": "https://turmfreunde.example/", "value": 752, "share": 0.0971, "url": "#"},
            {"label": HOSTILE, "value": 1, "share": 0.0001},
        ],
    }


def sample_series() -> list[tuple[str, list[tuple[datetime, float]]]]:
    """Opens and clicks of two days, as a mailing has them: steep, then a long tail."""
    hours = [NOW + timedelta(hours=hour) for hour in range(48)]
    opens = [(at, 9400 * (1 - 0.88**hour)) for hour, at in enumerate(hours)]
    clicks = [(at, 2100 * (1 - 0.9**hour)) for hour, at in enumerate(hours)]
    return [
        ("Opened", [(at, round(value)) for at, value in opens]),
        ("Clicked", [(at, round(value)) for at, value in clicks]),
        ("Left", [(at, round(value / 70)) for at, value in clicks]),
    ]
