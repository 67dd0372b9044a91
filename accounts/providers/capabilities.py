"""What an account at a provider can do. False until claimed; `because` holds the sentence a page shows instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capabilities:
    # Contacts can be asked for "changed since", so leaves are found without walking everyone.
    lists_changed_contacts: bool = False
    # People stand once in the account, with the lists they are on; else each list has people of its own.
    shares_contacts: bool = False
    # Whom the account mails no more can be read apart from its people.
    lists_leaves: bool = False
    # The account can be told to refuse a person altogether.
    blocks_contacts: bool = False
    # People can be deleted over there.
    deletes_contacts: bool = False
    # Contact fields can be created over there.
    creates_fields: bool = False
    # Lists stand in folders.
    has_folders: bool = False
    # Lists can be removed over there.
    deletes_lists: bool = False
    # A list can be given all of its people in one call, which takes everybody else off it.
    replaces_members: bool = False
    # The sender belongs to the list, not to the campaign.
    lists_carry_sender: bool = False
    # The account keeps saved segments that can be read.
    has_segments: bool = False
    # Segments can be made over there.
    creates_segments: bool = False
    # The account keeps the senders it accepts; else any address may be written as sender.
    has_senders: bool = False
    # Senders can be added and confirmed through the API.
    manages_senders: bool = False
    # Sending domains and their DNS records can be read.
    has_domains: bool = False
    # Sending domains can be added and authenticated through the API.
    manages_domains: bool = False
    # Reusable templates can be read.
    has_templates: bool = False
    # Mails can hold values of the person they go to.
    personalises: bool = False
    # A merge tag can say what stands where a value is missing; else missing values are handed over filled in.
    writes_fallbacks: bool = False
    # Mails have a preview text of their own; else it stands hidden at the top of the mail.
    takes_preview_text: bool = False
    # Replies can be sent to another address than the sender's.
    takes_reply_to: bool = False
    # The provider writes the link to leave into each mail; else it leads to a page of ours.
    links_unsubscribe: bool = False
    # The provider links to a web version of the mail.
    links_view: bool = False
    # A campaign can exist as a draft before it is armed; else creating it is arming it.
    drafts_campaigns: bool = False
    # A draft can be removed again.
    deletes_drafts: bool = False
    # A campaign can be given an instant at which the provider sends it.
    schedules_campaigns: bool = False
    # A single test mail can be sent of a draft.
    sends_tests: bool = False
    # The provider shows a draft as a given person would get it.
    renders_campaigns: bool = False
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
    # The webhooks that are registered can be read.
    lists_webhooks: bool = False
    # Arming sets an absolute instant on one object, so the same call twice still mails once.
    arms_by_value: bool = False
    # A second transition on one campaign is refused, so a repeated arm cannot mail twice. False until seen.
    refuses_second_arm: bool = False
    # flag → why not, and what is done instead; a sentence for the page.
    because: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, flag: str) -> str:
        return self.because.get(flag, "This account cannot do this.")
