from django.urls import include, path

from bench import views

urlpatterns = [
    path("bench/empty/", views.empty),
    path("bench/insert/", views.insert),
    path("", include("config.urls")),
]
