"""What an account at a provider can do. False until claimed; `because` holds the sentence a page shows instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capabilities:
    # Contacts can be asked for "changed since", so leaves are found without walking everyone.
    lists_changed_contacts: bool = False
    # Contact fields can be created over there.
    creates_fields: bool = False
    # Lists stand in folders.
    has_folders: bool = False
    # The account keeps saved segments that can be read.
    has_segments: bool = False
    # Senders can be added and confirmed through the API.
    manages_senders: bool = False
    # Sending domains and their DNS records can be read and authenticated.
    manages_domains: bool = False
    # Reusable templates can be read and written.
    has_templates: bool = False
    # A campaign can exist as a draft before it is armed.
    drafts_campaigns: bool = False
    # A campaign can be given an instant at which the provider sends it.
    schedules_campaigns: bool = False
    # A single test mail can be sent of a draft.
    sends_tests: bool = False
    # An armed campaign can be taken back before it starts.
    unschedules_campaigns: bool = False
    # A campaign that is going out can be paused and resumed.
    pauses_campaigns: bool = False
    # Counts per campaign can be read.
    reports_figures: bool = False
    # Who opened, clicked, bounced or left can be read per campaign.
    reports_people: bool = False
    # Opens by machines (privacy proxies) are told apart.
    tells_machine_opens: bool = False
    # Events are pushed to us.
    has_webhooks: bool = False
    # Arming sets an absolute instant on one object, so the same call twice still mails once.
    arms_by_value: bool = False
    # A second transition on one campaign is refused, so a repeated arm cannot mail twice. False until seen.
    refuses_second_arm: bool = False
    # flag → why not, and what is done instead; a sentence for the page.
    because: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, flag: str) -> str:
        return self.because.get(flag, "This account cannot do this.")
