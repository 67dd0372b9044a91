"""One person at the product: acts by mouse or by keyboard alone, counts clicks, hears every complaint."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Response, expect

AXE = (Path(__file__).resolve().parents[1] / "vendor/axe.min.js").read_text()
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "a long password"
MOST_TABS = 250
# Chromium logs an invalid form's 422 and a missing page's 404 as errors; statuses are judged by themselves.
REFUSED_FORM = re.compile(r"status of 422 ")


class Visit:
    """Every act waits until it can be done; `clicks` counts activations of a control, typing is free."""

    def __init__(self, page: Page, address: str, *, by_keyboard: bool = False) -> None:
        self.page = page
        self.address = address
        self.by_keyboard = by_keyboard
        self.clicks = 0
        self.complaints: list[str] = []
        self.checked: set[tuple[str, str]] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"Script error: {error}"))
        page.on("response", self._judge)

    # Acting

    def log_in(self, email: str, workspace: str) -> None:
        """Ends on Home, with no click counted."""
        self.page.goto(f"{self.address}/accounts/login/")
        self.arrive("Log in")
        self.type("Email", email)
        self.type("Password", PASSWORD)
        self.press("button", "Log in", exact=True)
        self.arrive(workspace)
        self.clicks = 0

    def turn_to(self, page: str) -> None:
        """By the rail to where a journey begins or ends: not one of its clicks."""
        clicks = self.clicks
        self.press("link", page, inside="nav.rail", exact=True)
        self.arrive(page)
        self.clicks = clicks

    def press(self, role: Any, name: str, *, inside: str = "body", exact: bool = False) -> None:
        """Activate the control a reader would call by this role and name."""
        self.activate(self.page.locator(inside).get_by_role(role, name=name, exact=exact).first)

    def activate(self, control: Locator) -> None:
        self.clicks += 1
        if not self.by_keyboard:
            control.click()
            return
        self._reach(control)
        is_box = control.evaluate("place => place.matches('input[type=checkbox], input[type=radio]')")
        self.page.keyboard.press("Space" if is_box else "Enter")

    def type(self, label: str, words: str, *, inside: str = "body") -> None:
        """Into the field of this label, in place of what stands there."""
        field = self.field(label, inside)
        if not self.by_keyboard:
            field.fill(words)
            return
        self._reach(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(words)

    def pick(self, label: str, option: str) -> None:
        """One option of a select; it counts as a click."""
        self.clicks += 1
        field = self.field(label)
        if not self.by_keyboard:
            field.select_option(label=option)
            return
        self._reach(field)
        self.page.keyboard.type(option[:12])
        expect(field.locator("option:checked")).to_have_text(option)

    def tick(self, label: str) -> None:
        self.activate(self.page.get_by_role("checkbox", name=label))

    def field(self, label: str, inside: str = "body") -> Locator:
        """By its label, beside which "optional" and the letters left may stand."""
        words = re.compile(rf"^\s*{re.escape(label)}(\s+optional)?(\s*\d+ of \d+)?\s*$")
        return self.page.locator(inside).get_by_label(words)

    def figure(self, label: str) -> Locator:
        """The number of a report that stands under this label, as the link to its people."""
        name = self.page.locator(".figure__label", has_text=re.compile(rf"^\s*{label}"))
        return self.page.locator(".figure").filter(has=name).get_by_role("link")

    def _reach(self, control: Locator) -> None:
        """Press Tab until the control has the focus."""
        expect(control).to_be_visible()
        expect(control).to_be_enabled()
        for _ in range(MOST_TABS):
            if control.evaluate("place => place === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{MOST_TABS} presses of Tab never reached {control}")

    def is_asked_before_leaving(self) -> bool:
        """Loads the page again, unless the browser asks; then stays."""
        asked: list[str] = []

        def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            dialog.dismiss()

        self._comes_to_rest()
        self.page.once("dialog", stay)
        self.page.evaluate("location.reload()")
        self.page.wait_for_timeout(0 if asked else 300)
        if not asked:
            self.page.remove_listener("dialog", stay)
            self.page.wait_for_load_state()
        return asked == ["beforeunload"]

    # Looking

    def arrive(self, heading: str) -> None:
        """The page with this heading is there, and everybody can use it."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)
        self.check_page()

    def see(self, words: str | re.Pattern[str], *, inside: str = "body") -> None:
        expect(self.page.locator(inside)).to_contain_text(words, use_inner_text=True)

    def is_saved(self) -> None:
        """What was typed is stored, and the checks and the preview follow it."""
        expect(self.page.locator("#saved:not([data-dirty]) .saved__state")).to_be_visible()
        self._comes_to_rest()

    def _comes_to_rest(self) -> None:
        """No answer is awaited or being put in place, and nothing fades in or out."""
        self.page.wait_for_load_state("load")
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
        self.page.evaluate(
            """() => Promise.allSettled(document.getAnimations()
            .filter(one => one.effect.getComputedTiming().endTime !== Infinity).map(one => one.finished))"""
        )

    def focus_is_in(self, place: str) -> None:
        expect(self.page.locator(f"{place}:focus, {place} :focus")).to_have_count(1)

    def check_page(self) -> None:
        """No violation of WCAG 2.2 AA in what is shown now."""
        self._comes_to_rest()
        self.page.evaluate(f"window.axe || (() => {{ {AXE} }})(); undefined")
        found = self.page.evaluate(
            "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations'], iframes: false, preload: false})",
            WCAG_22_AA,
        )
        violations = [
            f"{rule['id']}: {node['html'][:300]} – {node['failureSummary'][:400]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
        assert violations == [], f"{self.page.url}\n" + "\n".join(violations)

    def read_the_log(self, *sentences: str) -> None:
        """The journey's end: the activity log has it all, and nothing complained on the way."""
        self.turn_to("Activity")
        for sentence in sentences:
            self.see(sentence, inside="#entries")
        assert self.complaints == [], "\n".join(self.complaints)

    # Listening

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not REFUSED_FORM.search(message.text):
            self.complaints.append(f"{message.type}: {message.text} ({self.page.url})")

    def _judge(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")
