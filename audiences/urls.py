from django.urls import path

from audiences import views

app_name = "audiences"
urlpatterns = [
    path("contacts/", views.contacts, name="contacts"),
    path("contacts/new/", views.add_person, name="add_person"),
    path("contacts/duplicates/", views.duplicates, name="duplicates"),
    path("contacts/duplicates/look/", views.look_for_duplicates, name="look_for_duplicates"),
    path("contacts/duplicates/<int:pair_id>/dismiss/", views.dismiss_pair, name="dismiss_pair"),
    path("contacts/duplicates/<int:pair_id>/bring-back/", views.bring_back_pair, name="bring_back_pair"),
    path("contacts/<int:contact_id>/", views.contact, name="contact"),
    path("contacts/<int:contact_id>/suppress/", views.suppress, name="suppress"),
    path("lists/", views.lists, name="lists"),
    path("lists/new/", views.new_list, name="new_list"),
    path("lists/change/", views.change_lists, name="change_lists"),
    path("lists/combine/", views.combine, name="combine"),
    path("lists/folders/", views.folders, name="folders"),
    path("lists/folders/<int:folder_id>/rename/", views.rename_folder, name="rename_folder"),
    path("lists/folders/<int:folder_id>/remove/", views.remove_folder, name="remove_folder"),
    path("lists/<int:list_id>/", views.list_, name="list"),
    path("lists/<int:list_id>/edit/", views.edit_list, name="edit_list"),
    path("lists/<int:list_id>/growth/", views.growth, name="growth"),
    path("lists/<int:list_id>/growth/<str:kind>/", views.moved, name="moved"),
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
