"""What Mailmojo says of itself: how an account is connected, what it can do, and what is done instead."""

from accounts.providers.base import Credential, Scope, Way
from accounts.providers.capabilities import Capabilities

SCOPES = (
    Scope("account", "To read whose account it is."),
    Scope("account_settings", "To see whether your sending domains are in order."),
    Scope("contacts", "To read your contacts and who left, and to take people off lists."),
    Scope("lists", "To read your lists, and to make one for each delivery."),
    Scope("subscribe", "To put the people of a delivery on its list."),
    Scope("newsletters", "To prepare, schedule and cancel newsletters, and to read how they did."),
    Scope("webhooks", "To hear at once when somebody joins or leaves."),
)

WAYS = (
    Way(
        "code",
        "Agree at Mailmojo",
        help="You sign in at Mailmojo and agree there to what Campanile may do. Campanile never sees your password.",
        asks_there=True,
        scopes=SCOPES,
    ),
    Way(
        "client",
        "API client of the account",
        help="Mailmojo hands out a client for your own account when you ask its support for access to the API. "
        "It may do what Mailmojo allowed it: ask for the rights below.",
        credentials=(
            Credential(
                "client_id",
                "Client id",
                help="Mailmojo's support sends it together with the secret.",
                secret=False,
            ),
            Credential(
                "client_secret", "Client secret", help="Belongs to the client id. Keep it to yourself."
            ),
        ),
        scopes=SCOPES,
    ),
    Way(
        "managed",
        "Account managed by us",
        help="For partners of Mailmojo: an account that was made through the partner's access. Whoever runs this "
        "Campanile must have entered that access, and allotted the username to this workspace.",
        credentials=(
            Credential(
                "username",
                "Username",
                help="In Mailmojo: the account's username, as its owner signs in with it.",
                secret=False,
            ),
        ),
        scopes=SCOPES,
        allotted="username",
    ),
)

CAPABILITIES = Capabilities(
    shares_contacts=True,
    lists_leaves=True,
    blocks_contacts=True,
    lists_carry_sender=True,
    has_segments=True,
    creates_segments=True,
    has_senders=True,
    has_domains=True,
    takes_preview_text=True,
    drafts_campaigns=True,
    schedules_campaigns=True,
    sends_tests=True,
    unschedules_campaigns=True,
    reports_figures=True,
    has_webhooks=True,
    because={
        "lists_changed_contacts": "Mailmojo gives all contacts at once and none by date, so Campanile reads who left "
        "each list, and everybody when the account is read anew.",
        "blocks_contacts": "Mailmojo keeps no list of refused people: Campanile takes the person off every list they "
        "are on there. Somebody Mailmojo does not know is refused here alone.",
        "deletes_contacts": "Mailmojo deletes nobody for other programs. Campanile can take a person off all lists; "
        "deleting them is done in Mailmojo.",
        "creates_fields": "In Mailmojo a field exists once a contact has a value in it, so there is none to create. "
        "Mails through this account hold no personal values.",
        "has_folders": "Mailmojo keeps its lists without folders.",
        "deletes_lists": "Mailmojo lets no program delete a list. The list made for a delivery stays there, and "
        "Campanile renames it once it is used, so that you can tell it apart and delete it in Mailmojo.",
        "replaces_members": "Mailmojo takes people in by the thousand; a list made for a delivery begins empty.",
        "lists_carry_sender": "In Mailmojo the sender belongs to the list. Campanile makes a list with the right sender for "
        "each delivery.",
        "creates_segments": "Mailmojo makes segments by tags alone: each tag must be there or must be missing, and all of "
        "it must hold at once.",
        "has_senders": "The senders here are those of the account's lists. For another one give it to a list in "
        "Mailmojo, then check the account again.",
        "manages_senders": "In Mailmojo a sender belongs to a list: give it to a list there, then check the account "
        "again.",
        "manages_domains": "Mailmojo shows whether a domain is in order. Adding one and its DNS records is done in "
        "Mailmojo.",
        "has_templates": "Mailmojo's templates are made of its own editor's blocks and come without their text, so "
        "they are used in Mailmojo. Templates of Campanile work in every account.",
        "personalises": "How Mailmojo writes a person's values into a mail is not public. Everyone reads the text "
        "written for people without that value.",
        "writes_fallbacks": "Mails through this account hold no personal values, so the text for a missing value is "
        "written into the mail for everyone.",
        "takes_reply_to": "Mailmojo keeps no reply address: replies go to the sender's address.",
        "links_unsubscribe": "How Mailmojo writes its link to leave is not public. The link in the mail leads to "
        "Campanile's own page.",
        "links_view": "Mailmojo tells no address of a web version for the mail itself, so mails go without that link.",
        "deletes_drafts": "Mailmojo lets no program delete a newsletter. A draft that is not sent stays in Mailmojo, "
        "and mails nobody; you can delete it there.",
        "renders_campaigns": "Mailmojo shows no finished mail to other programs; a test mail does.",
        "pauses_campaigns": "Mailmojo cannot pause a newsletter. Cancelling stops what has not gone out, for good.",
        "reports_figures": "Mailmojo tells shares of people who opened, clicked or could not be reached, and how many "
        "a newsletter went to. Other counts come from Campanile's own page to leave.",
        "reports_people": "Mailmojo tells no program who opened or clicked a newsletter, only how large their share is.",
        "tells_machine_opens": "Mailmojo does not say which openings were by machines.",
        "lists_webhooks": "Mailmojo does not show which addresses it reports to; Campanile remembers the ones it gave.",
        "arms_by_value": "Mailmojo documents no change of time for a planned newsletter, so an uncertain release is "
        "looked up, and a person decides.",
        "refuses_second_arm": "Mailmojo does not promise to refuse a second release of the same newsletter, so an "
        "uncertain release is looked up before anything is done again.",
    },
)
