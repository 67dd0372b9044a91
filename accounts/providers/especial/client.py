"""Especial's API 1.12.14: one method per operation, each with the effect of repeating it.

They stand by topic in `contact_calls`, `campaign_calls` and `report_calls`; signing in and refusals in `calls`, walking
collections in `paging`. No limits are published: a 429 is all that tells of them.
"""

from accounts.providers.especial.campaign_calls import CampaignCalls
from accounts.providers.especial.contact_calls import ContactCalls
from accounts.providers.especial.report_calls import ReportCalls


class Client(ContactCalls, CampaignCalls, ReportCalls):
    pass
