from django.urls import path

from campaigns.views import campaigns, compose, preview, review, senders, templates, watch

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/new/", campaigns.new, name="new"),
    path("campaigns/<int:campaign_id>/", watch.campaign, name="campaign"),
    # Before release
    path("campaigns/<int:campaign_id>/compose/", compose.compose, name="compose"),
    path("campaigns/<int:campaign_id>/checks/", compose.findings, name="checks"),
    path("campaigns/<int:campaign_id>/versions/", compose.versions, name="versions"),
    path("campaigns/<int:campaign_id>/versions/<int:number>/restore/", compose.restore, name="restore"),
    path("campaigns/<int:campaign_id>/test/", compose.send_test, name="send_test"),
    path("campaigns/<int:campaign_id>/preview/", preview.preview, name="preview"),
    path("campaigns/<int:campaign_id>/preview/frame/", preview.preview_frame, name="preview_frame"),
    path("campaigns/<int:campaign_id>/duplicate/", campaigns.duplicate, name="duplicate"),
    path(
        "campaigns/<int:campaign_id>/keep-as-template/", campaigns.keep_as_template, name="keep_as_template"
    ),
    path("campaigns/<int:campaign_id>/delete/", campaigns.delete, name="delete"),
    path("campaigns/<int:campaign_id>/review/", review.review, name="review"),
    path("campaigns/<int:campaign_id>/audience/<str:term>/", review.audience_people, name="audience_people"),
    # After release
    path("campaigns/<int:campaign_id>/pause/", watch.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", watch.resume, name="resume"),
    path("campaigns/<int:campaign_id>/cancel/", watch.cancel, name="cancel"),
    path("campaigns/<int:campaign_id>/look-again/", watch.look_again, name="look_again"),
    path("campaigns/<int:campaign_id>/it-went-out/", watch.it_went_out, name="it_went_out"),
    path("campaigns/<int:campaign_id>/send-again/", watch.send_again, name="send_again"),
    path("campaigns/<int:campaign_id>/give-up/", watch.give_up, name="give_up"),
    path("campaigns/<int:campaign_id>/release-late/", watch.release_late, name="release_late"),
    # What campaigns are made of
    path("templates/", templates.templates, name="templates"),
    path("templates/new/", templates.new, name="new_template"),
    path("templates/<int:template_id>/", compose.template, name="template"),
    path("templates/<int:template_id>/preview/", preview.template_preview, name="template_preview"),
    path("templates/<int:template_id>/preview/frame/", preview.template_frame, name="template_frame"),
    path("templates/<int:template_id>/delete/", templates.delete, name="delete_template"),
    path("senders/", senders.senders, name="senders"),
    path("senders/<int:sender_id>/confirm/<int:connection_id>/", senders.confirm, name="confirm_sender"),
    path("domains/<int:domain_id>/check/", senders.check_domain, name="check_domain"),
]
