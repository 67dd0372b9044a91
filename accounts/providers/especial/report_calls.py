"""Operations on what happened and what is going on: reports, logs, tasks, webhooks, the account."""

from accounts.providers.especial.calls import CONVERGE, CREATE, READ, Calls, Json, an_object, the_id
from accounts.providers.http import segment


class ReportCalls(Calls):
    # Reports

    def get_list_stats(self, list_id: str) -> Json:
        return self._one("getListStats", f"/reports/lists/{segment(list_id)}")

    def get_campaign_stats(self, campaign_id: str) -> Json:
        return self._one("getCampaignStats", f"/reports/campaigns/{segment(campaign_id)}")

    def get_campaign_links_stats(
        self,
        campaign_id: str,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        sort: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> Json:
        return self._many(
            "getCampaignLinksStats",
            f"/reports/campaigns/{segment(campaign_id)}/links",
            page=page,
            per_page=per_page,
            with_count=with_count,
            sort=sort,
            start_time=start_time,
            end_time=end_time,
        )

    def get_emails_stats(self, *, start_time: int, end_time: int) -> Json:
        """Of transactional mail; both times are required."""
        return self._many("getEmailsStats", "/reports/emails", start_time=start_time, end_time=end_time)

    def get_self_account_stats(self, *, start_time: int | None = None, end_time: int | None = None) -> Json:
        path = "/reports/accounts/self"
        return self._one("getSelfAccountStats", path, start_time=start_time, end_time=end_time)

    def get_account_stats(
        self, account_id: str, *, start_time: int | None = None, end_time: int | None = None
    ) -> Json:
        path = f"/reports/accounts/{segment(account_id)}"
        return self._one("getAccountStats", path, start_time=start_time, end_time=end_time)

    def get_action_stats(self, workflow_id: str, action_id: str) -> Json:
        path = f"/reports/workflows/{segment(workflow_id)}/actions/{segment(action_id)}"
        return self._one("getActionStats", path)

    # Logs: who did what, and when. 28 words for it, more in later releases

    def get_list_logs(
        self,
        list_id: str,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> Json:
        return self._many(
            "getListLogs",
            f"/logs/lists/{segment(list_id)}",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            start_time=start_time,
            end_time=end_time,
        )

    def get_campaign_logs(
        self,
        campaign_id: str,
        *,
        page: int | None = None,
        cursor: str | None = None,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> Json:
        """`page` or `cursor`, not both. Filter term of ours: type. Sort terms: time, log_id."""
        return self._many(
            "getCampaignLogs",
            f"/logs/campaigns/{segment(campaign_id)}",
            page=page,
            cursor=cursor,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
            start_time=start_time,
            end_time=end_time,
        )

    def get_email_logs(self, log_type: str, *, page: int = 1, per_page: int | None = None) -> Json:
        """Of transactional mail: bounce, clickthru, sent, open, unsubscribe or resubscribe."""
        return self._many("getEmailLogs", "/logs/emails", log_type=log_type, page=page, per_page=per_page)

    def get_action_logs(
        self, workflow_id: str, action_id: str, *, page: int = 1, per_page: int | None = None
    ) -> Json:
        path = f"/logs/workflows/{segment(workflow_id)}/actions/{segment(action_id)}"
        return self._many("getActionLogs", path, page=page, per_page=per_page)

    def list_campaign_log_exports(
        self, campaign_id: str, *, page: int = 1, per_page: int | None = None, with_count: bool | None = None
    ) -> Json:
        path = f"/logs/campaigns/{segment(campaign_id)}/exports"
        return self._many("listCampaignLogExports", path, page=page, per_page=per_page, with_count=with_count)

    def create_campaign_log_export(self, campaign_id: str, *, description: str | None = None) -> str:
        """There is no reading or deleting of a single one: its task tells how far it is."""
        path = f"/logs/campaigns/{segment(campaign_id)}/exports"
        query = {"description": description}
        return self._do("campaignLogExportCreate", CONVERGE, "POST", path, query=query, read=the_id)

    def download_campaign_log_export(self, campaign_id: str, export_id: str) -> Json:
        path = f"/logs/campaigns/{segment(campaign_id)}/exports/{segment(export_id)}/download"
        return self._one("campaignLogExportDownload", path)

    # Tasks

    def list_tasks(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        return self._many(
            "listTasks",
            "/tasks",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def get_task(self, task_id: str) -> Json:
        """Says `error` where the export itself says `failed`."""
        return self._one("getTask", f"/tasks/{segment(task_id)}")

    def delete_task(self, task_id: str) -> None:
        self._do("deleteTask", CONVERGE, "DELETE", f"/tasks/{segment(task_id)}")

    # Webhooks: one event each, never deleted, only archived

    def list_webhooks(
        self, *, page: int = 1, per_page: int | None = None, with_archived: bool | None = None
    ) -> Json:
        path = "/webhooks"
        return self._many("listWebhooks", path, page=page, per_page=per_page, with_archived=with_archived)

    def create_webhook(self, body: Json) -> str:
        return self._do("createWebhook", CREATE, "POST", "/webhooks", body=body, read=the_id)

    def get_webhook(self, webhook_id: str) -> Json:
        """The only reply with the secret, in `signature` beside `data`."""
        path = f"/webhooks/{segment(webhook_id)}"
        return self.call("getWebhook", READ, "GET", path, query=self._query(path, {}), read=an_object)

    def patch_webhook(self, webhook_id: str, body: Json) -> None:
        self._do("patchWebhook", CONVERGE, "PATCH", f"/webhooks/{segment(webhook_id)}", body=body)

    def archive_webhook(self, webhook_id: str) -> None:
        self._do("archiveWebhook", CONVERGE, "POST", f"/webhooks/{segment(webhook_id)}/archive")

    def unarchive_webhook(self, webhook_id: str) -> None:
        self._do("unarchiveWebhook", CONVERGE, "POST", f"/webhooks/{segment(webhook_id)}/unarchive")

    # The account; reading it belongs to signing in

    def patch_self_account(self, body: Json) -> Json:
        return self._do("patchSelfAccount", CONVERGE, "PATCH", "/accounts/self", body=body)
