from django.urls import path

from reporting.views import hooks

app_name = "reporting"
urlpatterns = [
    path("hooks/<str:token>/", hooks.receive, name="hook"),
]
