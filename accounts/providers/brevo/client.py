"""Brevo's API v3: one method per operation, each with the effect of repeating it.

https://developers.brevo.com/reference (read 2026-11): JSON both ways, `api-key` header, `limit` and `offset`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from accounts.providers import http
from accounts.providers.base import Effect, Gate, Rate
from accounts.providers.errors import Conflict, Missing, ProviderError, Refused, Unavailable
from accounts.providers.http import segment
from accounts.providers.records import Quota

READ, CONVERGE, CREATE, ONCE = Effect.READ, Effect.CONVERGE, Effect.CREATE, Effect.ONCE

Json = Any

# https://developers.brevo.com/docs/api-limits: where two figures exist, both hold. Whether "everything else" is one
# bucket or one per endpoint is not said; one is the careful reading.
RATES: Mapping[str, tuple[Rate, ...]] = {
    "contacts": (Rate(10, 1), Rate(36_000, 3600)),
    "general": (Rate(100, 3600),),
}

# The largest page each list gives; more is a 400 `out_of_range`.
CONTACTS_PAGE, MEMBERS_PAGE, LISTS_PAGE, CAMPAIGNS_PAGE, PROCESSES_PAGE = 1000, 500, 50, 100, 50
# Up to 1000, but each template comes with its body.
TEMPLATES_PAGE = 50
# Emails, ids or extIds in one list call.
LIST_CHANGE_SIZE = 150
# 10 MB are refused, 8 MB advised.
IMPORT_BYTES = 8_000_000

# Codes that speak of a state, whatever status they come with: the same conflict has been seen as
# `duplicate_parameter` and as `invalid_parameter`, so `metadata` counts as well.
_CONFLICTS = frozenset({"campaign_processing", "campaign_sent", "duplicate_parameter", "duplicate_request"})


class _Fetch(Protocol):
    def __call__(self, *, limit: int, offset: int) -> Json: ...


@dataclass(frozen=True, slots=True)
class Slice:
    items: list[Json]
    next_offset: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Pages:
    """Walks an offset-paged list.

    `overlap` rows are read again on each page: rows deleted during the walk move later ones forward.
    """

    fetch: _Fetch
    items: str
    size: int
    overlap: int = 0

    def page(self, offset: int) -> Slice:
        payload = self.fetch(limit=self.size, offset=offset)
        rows = payload.get(self.items) or []
        count = payload.get("count")
        total = count if isinstance(count, int) else None
        reached = offset + len(rows)
        # A server may give less than asked for, so a short page ends the walk only where the total does not speak.
        total_speaks = total is not None and total >= reached
        is_last = not rows or reached == total if total_speaks else len(rows) < self.size
        following = None if is_last else max(reached - self.overlap, offset + 1)
        return Slice([row for row in rows if isinstance(row, dict)], following, total)

    def __iter__(self) -> Iterator[Json]:
        offset: int | None = 0
        while offset is not None:
            page = self.page(offset)
            yield from page.items
            offset = page.next_offset


def _object(payload: Json) -> Json:
    """An empty reply or a list where an object must stand is a misreading of the API."""
    if not isinstance(payload, dict):
        raise TypeError("not an object")
    return payload


def _id(payload: Json) -> str:
    return str(int(payload["id"]))


def _process(payload: Json) -> str:
    return str(int(payload["processId"]))


def _query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unset; `requests` percent-encodes, so that the + and : of instants survive."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else value
        for name, value in values.items()
        if value is not None
    }


class Client(http.Client):
    provider = "brevo"
    request_id_header = "sib-request-id"

    def __init__(self, *, api_key: str, base_url: str, gate: Gate | None = None, **settings: Any) -> None:
        super().__init__(base_url=base_url, gate=gate, secrets=(api_key,), **settings)
        self._api_key = api_key

    def credentials(self) -> Mapping[str, str]:
        return {"api-key": self._api_key}

    def rate_class(self, path: str) -> str:
        return "contacts" if path.startswith("/contacts") else "general"

    def quota(self, headers: Mapping[str, str], rate_class: str) -> Quota | None:
        """Brevo counts down: `reset` is seconds left, and there is no Retry-After."""
        limit, remaining, reset = (
            int(value)
            if (value := headers.get(f"x-sib-ratelimit-{name}", "")).isdecimal() and len(value) < 10
            else None
            for name in ("limit", "remaining", "reset")
        )
        if limit is None and remaining is None and reset is None:
            return None
        reset_at = None if reset is None else datetime.now(UTC) + timedelta(seconds=min(reset, 86_400))
        return Quota(rate_class, limit, remaining, reset_at)

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        code, metadata = payload.get("code"), payload.get("metadata")
        if status == 425 or code == "account_in_process":
            return Unavailable  # The account is still being prepared: nothing was done, and it passes.
        if status == 404 and code in ("document_not_found", None):
            return Missing
        if code in _CONFLICTS or (isinstance(metadata, dict) and metadata.get("duplicate_identifiers")):
            return Conflict
        if status == 403 and operation == "deleteEmailCampaign":
            return Conflict  # Planned campaigns cannot be deleted: suspend first.
        return Missing if status == 404 else Refused

    def _get(self, operation: str, path: str, **query: Any) -> Json:
        return self.call(operation, READ, "GET", path, query=_query(query), read=_object)

    # Account and processes

    def get_account(self) -> Json:
        return self._get("getAccount", "/account")

    def get_processes(self, *, limit: int = PROCESSES_PAGE, offset: int = 0, sort: str = "desc") -> Json:
        return self._get("getProcesses", "/processes", limit=limit, offset=offset, sort=sort)

    def get_process(self, process_id: str) -> Json:
        return self._get("getProcess", f"/processes/{segment(process_id)}")

    # Contacts

    def get_contacts(
        self,
        *,
        limit: int = CONTACTS_PAGE,
        offset: int = 0,
        sort: str = "asc",
        modified_since: str | None = None,
        created_since: str | None = None,
        segment_id: str | None = None,
        list_ids: Sequence[str] | None = None,
    ) -> Json:
        return self._get(
            "getContacts",
            "/contacts",
            limit=limit,
            offset=offset,
            sort=sort,
            modifiedSince=modified_since,
            createdSince=created_since,
            segmentId=segment_id,
            listIds=list_ids,
        )

    def create_contact(self, body: Json) -> str | None:
        """The new contact's id; None when an existing one was updated (`updateEnabled`), which converges."""
        return self.call(
            "createContact",
            CONVERGE if body.get("updateEnabled") else CREATE,
            "POST",
            "/contacts",
            body=body,
            read=lambda payload: None if payload is None else _id(payload),
        )

    def create_doi_contact(self, body: Json) -> None:
        """Mails the person a confirmation."""
        self.call("createDoiContact", ONCE, "POST", "/contacts/doubleOptinConfirmation", body=body)

    def update_batch_contacts(self, contacts: Sequence[Json]) -> Json:
        """None when all were updated, else `successIds` and `failureIds`."""
        return self.call(
            "updateBatchContacts",
            CONVERGE,
            "POST",
            "/contacts/batch",
            body={"contacts": list(contacts)},
            is_upload=True,
        )

    def request_contact_export(self, body: Json) -> str:
        return self.call(
            "requestContactExport", CONVERGE, "POST", "/contacts/export", body=body, read=_process
        )

    def import_contacts(self, body: Json) -> str:
        """Runs in the background. With `newList` each call makes a list; with `listIds` it converges."""
        effect = CREATE if "newList" in body else CONVERGE
        return self.call(
            "importContacts", effect, "POST", "/contacts/import", body=body, is_upload=True, read=_process
        )

    def get_contact_info(
        self,
        identifier: str,
        *,
        identifier_type: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> Json:
        return self._get(
            "getContactInfo",
            f"/contacts/{segment(identifier)}",
            identifierType=identifier_type,
            startDate=start_date,
            endDate=end_date,
        )

    def delete_contact(self, identifier: str, *, identifier_type: str | None = None) -> None:
        self.call(
            "deleteContact",
            CONVERGE,
            "DELETE",
            f"/contacts/{segment(identifier)}",
            query=_query({"identifierType": identifier_type}),
        )

    def update_contact(self, identifier: str, body: Json, *, identifier_type: str | None = None) -> None:
        """Changing `attributes.EMAIL` of a blocklisted contact lifts the blocklisting: send the flag again."""
        self.call(
            "updateContact",
            CONVERGE,
            "PUT",
            f"/contacts/{segment(identifier)}",
            query=_query({"identifierType": identifier_type}),
            body=body,
        )

    def get_contact_stats(
        self, identifier: str, *, start_date: str | None = None, end_date: str | None = None
    ) -> Json:
        """At most 90 days."""
        path = f"/contacts/{segment(identifier)}/campaignStats"
        return self._get("getContactStats", path, startDate=start_date, endDate=end_date)

    # Folders

    def get_folders(self, *, limit: int = LISTS_PAGE, offset: int = 0, sort: str = "asc") -> Json:
        return self._get("getFolders", "/contacts/folders", limit=limit, offset=offset, sort=sort)

    def create_folder(self, name: str) -> str:
        return self.call("createFolder", CREATE, "POST", "/contacts/folders", body={"name": name}, read=_id)

    def get_folder(self, folder_id: str) -> Json:
        return self._get("getFolder", f"/contacts/folders/{segment(folder_id)}")

    def update_folder(self, folder_id: str, name: str) -> None:
        path = f"/contacts/folders/{segment(folder_id)}"
        self.call("updateFolder", CONVERGE, "PUT", path, body={"name": name})

    def delete_folder(self, folder_id: str) -> None:
        """Deletes its lists too, and keeps the people."""
        self.call("deleteFolder", CONVERGE, "DELETE", f"/contacts/folders/{segment(folder_id)}")

    def get_folder_lists(
        self, folder_id: str, *, limit: int = LISTS_PAGE, offset: int = 0, sort: str = "asc"
    ) -> Json:
        path = f"/contacts/folders/{segment(folder_id)}/lists"
        return self._get("getFolderLists", path, limit=limit, offset=offset, sort=sort)

    # Lists and segments

    def get_lists(self, *, limit: int = LISTS_PAGE, offset: int = 0, sort: str = "asc") -> Json:
        return self._get("getLists", "/contacts/lists", limit=limit, offset=offset, sort=sort)

    def create_list(self, name: str, folder_id: str) -> str:
        body = {"name": name, "folderId": int(folder_id)}
        return self.call("createList", CREATE, "POST", "/contacts/lists", body=body, read=_id)

    def get_list(self, list_id: str, *, start_date: str | None = None, end_date: str | None = None) -> Json:
        path = f"/contacts/lists/{segment(list_id)}"
        return self._get("getList", path, startDate=start_date, endDate=end_date)

    def update_list(self, list_id: str, body: Json) -> None:
        self.call("updateList", CONVERGE, "PUT", f"/contacts/lists/{segment(list_id)}", body=body)

    def delete_list(self, list_id: str) -> None:
        self.call("deleteList", CONVERGE, "DELETE", f"/contacts/lists/{segment(list_id)}")

    def get_contacts_from_list(
        self,
        list_id: str,
        *,
        limit: int = MEMBERS_PAGE,
        offset: int = 0,
        sort: str = "asc",
        modified_since: str | None = None,
    ) -> Json:
        return self._get(
            "getContactsFromList",
            f"/contacts/lists/{segment(list_id)}/contacts",
            limit=limit,
            offset=offset,
            sort=sort,
            modifiedSince=modified_since,
        )

    def add_contact_to_list(self, list_id: str, body: Json) -> Json:
        path = f"/contacts/lists/{segment(list_id)}/contacts/add"
        return self.call("addContactToList", CONVERGE, "POST", path, body=body)

    def remove_contact_from_list(self, list_id: str, body: Json) -> Json:
        path = f"/contacts/lists/{segment(list_id)}/contacts/remove"
        return self.call("removeContactFromList", CONVERGE, "POST", path, body=body)

    def get_segments(self, *, limit: int = LISTS_PAGE, offset: int = 0, sort: str = "asc") -> Json:
        return self._get("getSegments", "/contacts/segments", limit=limit, offset=offset, sort=sort)

    # Attributes

    def get_attributes(self) -> Json:
        return self._get("getAttributes", "/contacts/attributes")

    def create_attribute(self, category: str, name: str, body: Json) -> None:
        path = f"/contacts/attributes/{segment(category)}/{segment(name)}"
        self.call("createAttribute", CREATE, "POST", path, body=body)

    def update_attribute(self, category: str, name: str, body: Json) -> None:
        path = f"/contacts/attributes/{segment(category)}/{segment(name)}"
        self.call("updateAttribute", CONVERGE, "PUT", path, body=body)

    def delete_attribute(self, category: str, name: str) -> None:
        path = f"/contacts/attributes/{segment(category)}/{segment(name)}"
        self.call("deleteAttribute", CONVERGE, "DELETE", path)

    # Senders and domains

    def get_senders(self, *, ip: str | None = None, domain: str | None = None) -> Json:
        return self._get("getSenders", "/senders", ip=ip, domain=domain)

    def create_sender(self, body: Json) -> Json:
        """The id, and whether SPF and DKIM are wrong. Brevo mails a code to the address."""
        return self.call("createSender", CREATE, "POST", "/senders", body=body, read=_with_id)

    def get_ips(self) -> Json:
        return self._get("getIps", "/senders/ips")

    def update_sender(self, sender_id: str, body: Json) -> None:
        self.call("updateSender", CONVERGE, "PUT", f"/senders/{segment(sender_id)}", body=body)

    def delete_sender(self, sender_id: str) -> None:
        self.call("deleteSender", CONVERGE, "DELETE", f"/senders/{segment(sender_id)}")

    def get_ips_from_sender(self, sender_id: str) -> Json:
        return self._get("getIpsFromSender", f"/senders/{segment(sender_id)}/ips")

    def validate_sender(self, sender_id: str, otp: int) -> None:
        path = f"/senders/{segment(sender_id)}/validate"
        self.call("validateSenderByOTP", CONVERGE, "PUT", path, body={"otp": otp})

    def get_domains(self) -> Json:
        return self._get("getDomains", "/senders/domains")

    def create_domain(self, name: str) -> Json:
        """A domain is its name: a second creation is refused, so this converges."""
        body = {"name": name}
        return self.call("createDomain", CONVERGE, "POST", "/senders/domains", body=body, read=_object)

    def get_domain_configuration(self, name: str) -> Json:
        return self._get("getDomainConfiguration", f"/senders/domains/{segment(name)}")

    def delete_domain(self, name: str) -> None:
        self.call("deleteDomain", CONVERGE, "DELETE", f"/senders/domains/{segment(name)}")

    def authenticate_domain(self, name: str) -> Json:
        """400 `bad_request` while the DNS records are not right."""
        return self.call(
            "authenticateDomain", CONVERGE, "PUT", f"/senders/domains/{segment(name)}/authenticate"
        )

    # Email campaigns

    def get_email_campaigns(
        self,
        *,
        limit: int = CAMPAIGNS_PAGE,
        offset: int = 0,
        sort: str = "desc",
        kind: str | None = "classic",
        status: str | None = None,
        statistics: str | None = None,
        exclude_html: bool = True,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> Json:
        """`status` is spelled inProcess and inReview here. The dates filter sent campaigns, and come together."""
        return self._get(
            "getEmailCampaigns",
            "/emailCampaigns",
            limit=limit,
            offset=offset,
            sort=sort,
            type=kind,
            status=status,
            statistics=statistics,
            excludeHtmlContent=exclude_html,
            startDate=start_date,
            endDate=end_date,
        )

    def create_email_campaign(self, body: Json) -> str:
        """With `scheduledAt` the creation arms, and mails people."""
        effect = ONCE if "scheduledAt" in body else CREATE
        return self.call("createEmailCampaign", effect, "POST", "/emailCampaigns", body=body, read=_id)

    def upload_image(self, image_url: str, name: str | None = None) -> str:
        """Brevo fetches the image and answers with its own address for it."""
        body = {"imageUrl": image_url, **({"name": name} if name else {})}
        return self.call(
            "uploadImageToGallery",
            CREATE,
            "POST",
            "/emailCampaigns/images",
            body=body,
            read=lambda payload: str(payload["url"]),
        )

    def get_email_campaign(
        self, campaign_id: str, *, statistics: str | None = None, exclude_html: bool | None = None
    ) -> Json:
        """`statistics` names the one kind that is filled; the others are there, and empty or zero."""
        path = f"/emailCampaigns/{segment(campaign_id)}"
        return self._get("getEmailCampaign", path, statistics=statistics, excludeHtmlContent=exclude_html)

    def update_email_campaign(self, campaign_id: str, body: Json) -> None:
        """With `scheduledAt` the update arms."""
        effect = ONCE if "scheduledAt" in body else CONVERGE
        path = f"/emailCampaigns/{segment(campaign_id)}"
        self.call("updateEmailCampaign", effect, "PUT", path, body=body)

    def delete_email_campaign(self, campaign_id: str) -> None:
        self.call("deleteEmailCampaign", CONVERGE, "DELETE", f"/emailCampaigns/{segment(campaign_id)}")

    def send_email_campaign_now(self, campaign_id: str) -> None:
        self.call("sendEmailCampaignNow", ONCE, "POST", f"/emailCampaigns/{segment(campaign_id)}/sendNow")

    def send_test_email(self, campaign_id: str, emails: Sequence[str]) -> None:
        """An empty list would go to the account's whole test list, so it is not sent."""
        if not emails:
            raise ValueError("A test needs an address.")
        path = f"/emailCampaigns/{segment(campaign_id)}/sendTest"
        self.call("sendTestEmail", ONCE, "POST", path, body={"emailTo": list(emails)})

    def update_campaign_status(self, campaign_id: str, status: str) -> None:
        """`queued` lets it mail again; the replicas are new objects; all else sets a state."""
        effect = {"queued": ONCE, "sent": ONCE, "replicate": CREATE, "replicateTemplate": CREATE}.get(
            status, CONVERGE
        )
        path = f"/emailCampaigns/{segment(campaign_id)}/status"
        self.call("updateCampaignStatus", effect, "PUT", path, body={"status": status})

    def send_report(self, campaign_id: str, *, to: Sequence[str], body: str, language: str = "en") -> None:
        """Mails a PDF."""
        path = f"/emailCampaigns/{segment(campaign_id)}/sendReport"
        content = {"language": language, "email": {"to": list(to), "body": body}}
        self.call("sendReport", ONCE, "POST", path, body=content)

    def get_ab_test_result(self, campaign_id: str) -> Json:
        return self._get(
            "getAbTestCampaignResult", f"/emailCampaigns/{segment(campaign_id)}/abTestCampaignResult"
        )

    def get_shared_url(self, campaign_id: str) -> str:
        return str(
            self._get("getSharedTemplateUrl", f"/emailCampaigns/{segment(campaign_id)}/sharedUrl")[
                "sharedUrl"
            ]
        )

    def export_recipients(self, campaign_id: str, recipients_type: str) -> str:
        path = f"/emailCampaigns/{segment(campaign_id)}/exportRecipients"
        body = {"recipientsType": recipients_type}
        return self.call("emailExportRecipients", CONVERGE, "POST", path, body=body, read=_process)

    # Templates

    def get_templates(
        self,
        *,
        limit: int = TEMPLATES_PAGE,
        offset: int = 0,
        sort: str = "asc",
        is_active: bool | None = None,
    ) -> Json:
        return self._get(
            "getSmtpTemplates",
            "/smtp/templates",
            limit=limit,
            offset=offset,
            sort=sort,
            templateStatus=is_active,
        )

    def create_template(self, body: Json) -> str:
        return self.call("createSmtpTemplate", CREATE, "POST", "/smtp/templates", body=body, read=_id)

    def get_template(self, template_id: str) -> Json:
        return self._get("getSmtpTemplate", f"/smtp/templates/{segment(template_id)}")

    def update_template(self, template_id: str, body: Json) -> None:
        self.call("updateSmtpTemplate", CONVERGE, "PUT", f"/smtp/templates/{segment(template_id)}", body=body)

    def delete_template(self, template_id: str) -> None:
        """Only inactive ones."""
        self.call("deleteSmtpTemplate", CONVERGE, "DELETE", f"/smtp/templates/{segment(template_id)}")

    def send_test_template(self, template_id: str, emails: Sequence[str]) -> None:
        if not emails:
            raise ValueError("A test needs an address.")
        path = f"/smtp/templates/{segment(template_id)}/sendTest"
        self.call("sendTestTemplate", ONCE, "POST", path, body={"emailTo": list(emails)})

    # Statistics of transactional mail

    def get_aggregated_report(
        self,
        *,
        start_date: str | None = None,
        end_date: str | None = None,
        days: int | None = None,
        tag: str | None = None,
    ) -> Json:
        """`days` excludes the two dates."""
        return self._get(
            "getAggregatedSmtpReport",
            "/smtp/statistics/aggregatedReport",
            startDate=start_date,
            endDate=end_date,
            days=days,
            tag=tag,
        )

    def get_daily_reports(
        self,
        *,
        limit: int = 30,
        offset: int = 0,
        sort: str = "asc",
        start_date: str | None = None,
        end_date: str | None = None,
        days: int | None = None,
        tag: str | None = None,
    ) -> Json:
        return self._get(
            "getSmtpReport",
            "/smtp/statistics/reports",
            limit=limit,
            offset=offset,
            sort=sort,
            startDate=start_date,
            endDate=end_date,
            days=days,
            tag=tag,
        )

    def get_email_events(
        self,
        *,
        limit: int = 2500,
        offset: int = 0,
        sort: str = "asc",
        start_date: str | None = None,
        end_date: str | None = None,
        days: int | None = None,
        email: str | None = None,
        event: str | None = None,
        message_id: str | None = None,
        template_id: str | None = None,
    ) -> Json:
        return self._get(
            "getEmailEventReport",
            "/smtp/statistics/events",
            limit=limit,
            offset=offset,
            sort=sort,
            startDate=start_date,
            endDate=end_date,
            days=days,
            email=email,
            event=event,
            messageId=message_id,
            templateId=template_id,
        )

    # Webhooks

    def get_webhooks(self, *, kind: str = "marketing", sort: str = "asc") -> Json:
        """Without a type only transactional ones are said to come."""
        return self._get("getWebhooks", "/webhooks", type=kind, sort=sort)

    def create_webhook(self, body: Json) -> str:
        return self.call("createWebhook", CREATE, "POST", "/webhooks", body=body, read=_id)

    def get_webhook(self, webhook_id: str) -> Json:
        return self._get("getWebhook", f"/webhooks/{segment(webhook_id)}")

    def update_webhook(self, webhook_id: str, body: Json) -> None:
        self.call("updateWebhook", CONVERGE, "PUT", f"/webhooks/{segment(webhook_id)}", body=body)

    def delete_webhook(self, webhook_id: str) -> None:
        self.call("deleteWebhook", CONVERGE, "DELETE", f"/webhooks/{segment(webhook_id)}")

    def export_webhooks_history(self, body: Json) -> str:
        return self.call(
            "exportWebhooksHistory", CONVERGE, "POST", "/webhooks/export", body=body, read=_process
        )


def _with_id(payload: Json) -> Json:
    _id(payload)
    return payload
