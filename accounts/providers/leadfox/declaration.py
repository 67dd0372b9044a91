"""What Leadfox can do, and what pages say where it cannot."""

from accounts.providers.capabilities import Capabilities

CAPABILITIES = Capabilities(
    shares_contacts=True,
    lists_leaves=True,
    deletes_contacts=True,
    creates_fields=True,
    takes_preview_text=True,
    drafts_campaigns=True,
    schedules_campaigns=True,
    unschedules_campaigns=True,
    reports_figures=True,
    because={
        "lists_changed_contacts": "Leadfox cannot be asked for changes alone, so Campanile reads at intervals who has "
        "unsubscribed there, and everybody at each import.",
        "blocks_contacts": "Leadfox does not let another program unsubscribe people. Campanile keeps them out of every "
        "delivery made here; unsubscribe them in Leadfox's own pages as well.",
        "creates_fields": "Leadfox holds every value as text: numbers, dates and choices are written as such.",
        "has_folders": "In Leadfox folders hold campaigns and not lists. Campanile keeps a folder of its own name there "
        "for the campaigns it makes.",
        "deletes_lists": "Leadfox does not let another program remove lists. A list that Campanile made for a delivery "
        "stays there, renamed once it has done its work, and can be removed in Leadfox's own pages.",
        "replaces_members": "Leadfox takes people onto a list one by one; a list made for a delivery begins empty.",
        "lists_carry_sender": "In Leadfox the sender belongs to the e-mail.",
        "has_segments": "Leadfox does not show its segments to other programs. Segments made here work with it: a "
        "delivery gets a list of its own.",
        "creates_segments": "Leadfox takes no segments from other programs: a delivery gets a list of its own instead.",
        "has_senders": "Leadfox keeps no list of senders: any address may be written as sender. Whether its domain is set "
        "up for sending is checked in Leadfox's own pages.",
        "manages_senders": "Leadfox keeps no list of senders, so there is none to add to or to confirm.",
        "has_domains": "Leadfox does not show its sending domains to other programs; look them up in Leadfox's own pages.",
        "manages_domains": "Sending domains are set up in Leadfox's own pages.",
        "has_templates": "Leadfox keeps designs for its own editor, one for each mail, and no templates. Templates made "
        "here work with it.",
        "personalises": "How Leadfox fills in a person's values is not published, so mails sent through it are the same "
        "for everybody.",
        "writes_fallbacks": "As Leadfox fills in no values of a person, there is none to replace where it is missing.",
        "takes_reply_to": "In Leadfox replies go to the sender's address: choose a sender whose mail somebody reads.",
        "links_unsubscribe": "How Leadfox writes its link to leave is not published. The link in the mail leads to "
        "Campanile's own page; unsubscribe who leaves there in Leadfox's own pages as well.",
        "links_view": "Leadfox publishes no link to a web version of a mail.",
        "deletes_drafts": "Leadfox does not let another program remove campaigns. A draft that is not needed any more "
        "stays in the folder Campanile and mails nobody.",
        "sends_tests": "Leadfox has no test mail. A test goes out as a campaign of its own to a list that holds the "
        "testers alone.",
        "renders_campaigns": "Leadfox shows no finished mail to other programs; a test does.",
        "unschedules_campaigns": "Leadfox takes a planned campaign back as long as it has not begun.",
        "pauses_campaigns": "Leadfox knows no pause: a campaign that has begun goes out to its end.",
        "reports_figures": "Leadfox counts a campaign as a whole: not by link, and not by mailbox provider.",
        "reports_people": "Leadfox gives counts alone and does not say who opened or clicked.",
        "tells_machine_opens": "Leadfox counts openings by privacy proxies with all others.",
        "has_webhooks": "Leadfox tells nothing by itself. Campanile reads counts and who unsubscribed at intervals.",
        "lists_webhooks": "Leadfox tells nothing by itself, so there is nothing registered to list.",
        "arms_by_value": "Whether Leadfox would mail again when a campaign that has gone out is released once more is not "
        "known, so an uncertain release is looked up and left to a person.",
        "refuses_second_arm": "Leadfox does not promise to refuse a second release of the same campaign, so an uncertain "
        "release is looked up before anything is done again.",
    },
)
