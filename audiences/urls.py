from django.urls import path

from audiences import views

app_name = "audiences"
urlpatterns = [
    path("contacts/", views.contacts, name="contacts"),
    path("contacts/<int:contact_id>/", views.contact, name="contact"),
    path("contacts/<int:contact_id>/suppress/", views.suppress, name="suppress"),
    path("lists/", views.lists, name="lists"),
    path("lists/<int:list_id>/", views.list_, name="list"),
    path("lists/<int:list_id>/growth/", views.growth, name="growth"),
    path("suppressions/", views.suppressions, name="suppressions"),
]
