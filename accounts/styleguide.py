"""Every component of the pages, with usual, empty and overfull content: `/styleguide/`, for people who build."""

from __future__ import annotations

from datetime import UTC, datetime
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
    account = forms.ChoiceField(choices=[("", "Any account"), ("1", "Brevo Zürich")], required=False, label="Account")


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
    track = forms.BooleanField(label="Count clicks", help_text="Links lead over the provider.", required=False)
    automatic = forms.BooleanField(label="Push every change at once", required=False, initial=True)
    kind = forms.ChoiceField(
        label="Content", choices=[("blocks", "Blocks"), ("html", "Raw HTML")], widget=forms.RadioSelect, initial="blocks"
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
            ("Spring at the market", "Tulips, bread and the first asparagus", "draft", 48210, None, None, None),
            ("Bell concert", "Sunday at noon: twelve bells", "scheduled", 12904, NOW, None, None),
            ("Members' letter November", "What the tower needs this winter", "sending", 48211, NOW, 0.4182, 0.0721),
            ("Opening hours", "New from December", "sent", 1048576, NOW, 0.6113, 0.1204),
            ("Autumn appeal", "The last stone", "unknown", 911, NOW, None, None),
            (LONG, HOSTILE, "failed", 123456789, NOW, 0.9999, 0.0004),
        ],
        "chips": [{"label": "State: Sent", "url": "#"}, {"label": f"Account: {LONG}", "url": "#"}],
        "states": ["draft", "scheduled", "held", "sending", "sent", "unknown", "paused", "failed", "strange_word"],
        "tones": ["info", "good", "warn", "bad"],
    }
