from django.urls import include, path

from bench import views
from bench.plain import site

urlpatterns = [
    path("bench/admin/", site.urls),
    path("bench/empty/", views.empty),
    path("bench/insert/", views.insert),
    path("", include("config.urls")),
]
