import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import campaigns.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_disconnected_connections"),
        ("campaigns", "0002_recipients_by_month"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TestSend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("emails", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("refused", "Refused"),
                            ("unknown", "Not known"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "marker",
                    models.CharField(default=campaigns.models.new_marker, editable=False, max_length=12),
                ),
                ("remote_id", models.CharField(blank=True, max_length=100)),
                ("creating_at", models.DateTimeField(blank=True, null=True)),
                ("refused", models.JSONField(blank=True, default=dict)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="test_sends",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.connection",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["campaign", "-id"], name="test_send_newest"),
                    models.Index(fields=["connection", "marker"], name="test_send_by_marker"),
                ],
            },
        ),
    ]
