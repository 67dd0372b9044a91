from django.urls import path

from reporting.views import hooks, leaving, reports

app_name = "reporting"
urlpatterns = [
    path("reports/", reports.reports, name="reports"),
    path("campaigns/<int:campaign_id>/report/", reports.report, name="report"),
    path("campaigns/<int:campaign_id>/report/read/", reports.read_again, name="read_again"),
    path("campaigns/<int:campaign_id>/report/people/", reports.people, name="people"),
    path("campaigns/<int:campaign_id>/report/people/export/", reports.export_people, name="export_people"),
    # Without a workspace
    path("leave/<str:marker>/", leaving.leave, name="leave"),
    path("hooks/<str:token>/", hooks.receive, name="hook"),
]
