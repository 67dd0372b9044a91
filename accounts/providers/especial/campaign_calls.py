"""Operations on campaigns and what they are made of: templates, blueprints, senders, DKIM keys, domains."""

from collections.abc import Callable
from typing import Any

from accounts.providers.especial.calls import (
    CONVERGE,
    CREATE,
    ONCE,
    READ,
    Calls,
    Json,
    a_listing,
    the_data,
    the_id,
)
from accounts.providers.http import as_text, segment


def _with_id(payload: Json) -> Json:
    the_id(payload)
    return payload


class CampaignCalls(Calls):
    # Campaigns

    def list_campaigns(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        """Without content. Filter terms: status, name, type, list_id. `-created_on` has the newest first."""
        return self._many(
            "listCampaigns",
            "/campaigns",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def create_campaign(self, body: Json) -> str:
        """A draft (`incomplete`): it mails nobody until it is scheduled."""
        return self._do("createCampaign", CREATE, "POST", "/campaigns", body=body, read=the_id)

    def get_campaign(self, campaign_id: str, *, revision_id: int | None = None) -> Json:
        return self._one("getCampaign", _campaign(campaign_id), revision_id=revision_id)

    def delete_campaign(self, campaign_id: str) -> None:
        """Drafts only."""
        self._do("deleteCampaign", CONVERGE, "DELETE", _campaign(campaign_id))

    def patch_campaign(self, campaign_id: str, body: Json) -> None:
        """Drafts only."""
        self._do("patchCampaign", CONVERGE, "PATCH", _campaign(campaign_id), body=body)

    def render_campaign(self, campaign_id: str, *, contact_id: str | None = None) -> Json:
        return self._one("renderCampaign", _campaign(campaign_id, "render"), contact_id=contact_id)

    def send_test_email(self, campaign_id: str, email: str, *, kind: str = "merged") -> None:
        """One address a call. `merged`: one mail with all parts; `separated`: one for each."""
        body = {"email": email, "type": kind}
        self._do("sendTestEmail", ONCE, "POST", _campaign(campaign_id, "send-test"), body=body)

    def schedule_campaign(self, campaign_id: str, date: int) -> None:
        """`date` in Unix seconds. The API lets it out and then sends at once, so here it must be given."""
        self._do("scheduleCampaign", ONCE, "POST", _campaign(campaign_id, "schedule"), body={"date": date})

    def reschedule_campaign(self, campaign_id: str, date: int) -> None:
        self._do(
            "rescheduleCampaign", ONCE, "POST", _campaign(campaign_id, "reschedule"), body={"date": date}
        )

    def unschedule_campaign(self, campaign_id: str) -> None:
        """Back to a draft. The reply still says `scheduled: true`: read the campaign for the truth."""
        self._do("unscheduleCampaign", CONVERGE, "POST", _campaign(campaign_id, "unschedule"))

    def suspend_campaign(self, campaign_id: str) -> None:
        self._do("suspendCampaign", CONVERGE, "POST", _campaign(campaign_id, "suspend"))

    def resume_campaign(self, campaign_id: str) -> None:
        self._do("resumeCampaign", ONCE, "POST", _campaign(campaign_id, "resume"))

    def cancel_campaign(self, campaign_id: str) -> None:
        """Final."""
        self._do("cancelCampaign", CONVERGE, "POST", _campaign(campaign_id, "cancel"))

    def archive_campaign(self, campaign_id: str) -> None:
        self._do("archiveCampaign", CONVERGE, "POST", _campaign(campaign_id, "archive"))

    def unarchive_campaign(self, campaign_id: str) -> None:
        """Back to the status before, which may be a planned one: so this may mail."""
        self._do("unarchiveCampaign", ONCE, "POST", _campaign(campaign_id, "unarchive"))

    def get_campaign_revisions(self, campaign_id: str, **paging: Any) -> Json:
        return self._many("getCampaignRevisions", _campaign(campaign_id, "revisions"), **paging)

    # Blueprints: public and read only

    def list_campaign_blueprints(self, **paging: Any) -> Json:
        return self._public("listCampaignBlueprints", "/campaign-blueprints", paging, a_listing)

    def get_campaign_blueprint(self, blueprint_id: str) -> Json:
        return self._public(
            "getCampaignBlueprint", f"/campaign-blueprints/{segment(blueprint_id)}", {}, the_data
        )

    def render_campaign_blueprint(self, blueprint_id: str) -> str:
        path = f"/campaign-blueprints/{segment(blueprint_id)}/render"
        return self.call("renderCampaignBlueprint", READ, "GET", path, parse=as_text, with_credentials=False)

    def _public(self, operation: str, path: str, query: dict[str, Any], read: Callable[[Json], Json]) -> Json:
        return self.call(
            operation,
            READ,
            "GET",
            path,
            query=self._query(path, query),
            read=read,
            with_credentials=False,
        )

    # Templates

    def list_templates(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        """Without content. Filter terms: tag, name, is_owner, is_not_owner."""
        return self._many(
            "listTemplates",
            "/templates",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def create_template(self, body: Json) -> str:
        return self._do("createTemplate", CREATE, "POST", "/templates", body=body, read=the_id)

    def get_template(self, template_id: str) -> Json:
        return self._one("getTemplate", f"/templates/{segment(template_id)}")

    def delete_template(self, template_id: str) -> None:
        self._do("deleteTemplate", CONVERGE, "DELETE", f"/templates/{segment(template_id)}")

    def patch_template(self, template_id: str, body: Json) -> None:
        self._do("patchTemplate", CONVERGE, "PATCH", f"/templates/{segment(template_id)}", body=body)

    def render_template(self, template_id: str) -> str:
        """As HTML, not as JSON."""
        path = f"/templates/{segment(template_id)}/render"
        query = self._query(path, {})
        return self.call("renderTemplate", READ, "GET", path, query=query, parse=as_text)

    # Senders: of the account's only brand

    def list_senders(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        sort: str | None = None,
    ) -> Json:
        path = "/brands/default/senders"
        return self._many("listSenders", path, page=page, per_page=per_page, with_count=with_count, sort=sort)

    def create_sender(self, body: Json) -> Json:
        """Mails the address a link to confirm it, unless it is the login's own."""
        return self._do("createSender", CREATE, "POST", "/brands/default/senders", body=body, read=_with_id)

    def get_sender(self, sender_id: str) -> Json:
        return self._one("getSender", f"/brands/default/senders/{segment(sender_id)}")

    def delete_sender(self, sender_id: str) -> None:
        self._do("deleteSender", CONVERGE, "DELETE", f"/brands/default/senders/{segment(sender_id)}")

    def patch_sender(self, sender_id: str, body: Json) -> None:
        """Name and language only: another address is another sender."""
        self._do("patchSender", CONVERGE, "PATCH", f"/brands/default/senders/{segment(sender_id)}", body=body)

    def confirm_sender(self, confirmation_id: str) -> Json:
        """By what stands in the mail alone; takes no token."""
        return self.call(
            "confirmSender",
            CONVERGE,
            "POST",
            "/brands/default/senders/confirm-email",
            body={"confirmation_id": confirmation_id},
            read=the_data,
            with_credentials=False,
        )

    def resend_confirmation_email(self, sender_id: str) -> None:
        path = f"/brands/default/senders/{segment(sender_id)}/resend-confirmation-email"
        self._do("resendConfirmationEmail", ONCE, "POST", path)

    # DKIM keys and domains

    def list_dkim_keys(self) -> Json:
        return self._many("listDkimKeys", "/brands/default/dkim")

    def create_dkim_key(self, domain: str, *, selector: str | None = None) -> Json:
        """A key for the domain. Look first: whether a second one is refused is not known, and it would do no harm."""
        body = {"domain": domain} | ({"selector": selector} if selector else {})
        return self._do("createDkimKey", CONVERGE, "POST", "/brands/default/dkim", body=body, read=the_data)

    def get_dkim_key(self, key_id: str) -> Json:
        return self._one("getDkimKey", f"/brands/default/dkim/{segment(key_id)}")

    def delete_dkim_key(self, key_id: str) -> None:
        self._do("deleteDkimKey", CONVERGE, "DELETE", f"/brands/default/dkim/{segment(key_id)}")

    def show_domains(self) -> Json:
        """The account's one set: auth, bounce, dkim, tracking."""
        return self._one("showDomains", "/brands/default/domains/default")

    def patch_domains(self, body: Json) -> None:
        self._do("patchDomains", CONVERGE, "PATCH", "/brands/default/domains/default", body=body)

    def validate_domains(self) -> Json:
        return self._one("validateDomains", "/brands/default/domains/default/validate")


def _campaign(campaign_id: str, *then: str) -> str:
    return "/".join(("/campaigns", segment(campaign_id), *then))
