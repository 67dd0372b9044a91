from django.urls import path

from audiences import views

app_name = "audiences"
urlpatterns = [
    path("contacts/", views.contacts, name="contacts"),
    path("contacts/new/", views.add_person, name="add_person"),
    path("contacts/<int:contact_id>/", views.contact, name="contact"),
    path("contacts/<int:contact_id>/suppress/", views.suppress, name="suppress"),
    path("lists/", views.lists, name="lists"),
    path("lists/<int:list_id>/", views.list_, name="list"),
    path("lists/<int:list_id>/growth/", views.growth, name="growth"),
    path("fields/", views.fields, name="fields"),
    path("fields/new/", views.add_field, name="add_field"),
    path("fields/count/", views.count_fields, name="count_fields"),
    path("fields/of/<slug:key>/", views.field, name="field"),
    path("fields/of/<slug:key>/rename/", views.rename_field, name="rename_field"),
    path("fields/of/<slug:key>/choices/", views.change_choices, name="change_choices"),
    path("fields/of/<slug:key>/kind/", views.change_kind, name="change_kind"),
    path("fields/of/<slug:key>/merge/", views.merge_field, name="merge_field"),
    path("fields/of/<slug:key>/delete/", views.delete_field, name="delete_field"),
    path("fields/of/<slug:key>/map/", views.map_field, name="map_field"),
    path("fields/of/<slug:key>/go-on/", views.go_on_with_field, name="go_on_with_field"),
    path("imports/", views.imports, name="imports"),
    path("imports/new/", views.new_import, name="new_import"),
    path("imports/paste/", views.paste, name="paste"),
    path("imports/<int:import_id>/", views.import_, name="import"),
    path("imports/<int:import_id>/open/", views.open_again, name="open_import_again"),
    path("imports/<int:import_id>/preview/", views.preview, name="preview_import"),
    path("imports/<int:import_id>/columns/", views.change_columns, name="change_columns"),
    path("imports/<int:import_id>/start/", views.start, name="start_import"),
    path("imports/<int:import_id>/cancel/", views.cancel, name="cancel_import"),
    path("imports/<int:import_id>/go-on/", views.go_on, name="go_on_with_import"),
    path("imports/<int:import_id>/roll-back/", views.roll_back, name="roll_back_import"),
    path("imports/<int:import_id>/rejects/", views.rejects, name="import_rejects"),
    path("suppressions/", views.suppressions, name="suppressions"),
]
