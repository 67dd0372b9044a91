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
    path("segments/", views.segments, name="segments"),
    path("segments/new/", views.new_segment, name="new_segment"),
    path("segments/values/", views.field_values, name="field_values"),
    path("segments/<int:segment_id>/", views.segment, name="segment"),
    path("segments/<int:segment_id>/edit/", views.edit_segment, name="edit_segment"),
    path("segments/<int:segment_id>/duplicate/", views.duplicate_segment, name="duplicate_segment"),
    path("segments/<int:segment_id>/archive/", views.archive_segment, name="archive_segment"),
    path("segments/<int:segment_id>/restore/", views.restore_segment, name="restore_segment"),
    path("segments/<int:segment_id>/count/", views.count_segment, name="count_segment"),
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
