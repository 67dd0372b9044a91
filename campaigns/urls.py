from django.urls import path

from campaigns.views import review, watch

app_name = "campaigns"
urlpatterns = [
    path("campaigns/<int:campaign_id>/", watch.campaign, name="campaign"),
    path("campaigns/<int:campaign_id>/review/", review.review, name="review"),
    path("campaigns/<int:campaign_id>/audience/<str:term>/", review.audience_people, name="audience_people"),
    path("campaigns/<int:campaign_id>/pause/", watch.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", watch.resume, name="resume"),
    path("campaigns/<int:campaign_id>/cancel/", watch.cancel, name="cancel"),
    path("campaigns/<int:campaign_id>/look-again/", watch.look_again, name="look_again"),
    path("campaigns/<int:campaign_id>/it-went-out/", watch.it_went_out, name="it_went_out"),
    path("campaigns/<int:campaign_id>/send-again/", watch.send_again, name="send_again"),
    path("campaigns/<int:campaign_id>/give-up/", watch.give_up, name="give_up"),
    path("campaigns/<int:campaign_id>/release-late/", watch.release_late, name="release_late"),
]
