from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Console",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "verbose_name": "console",
                "verbose_name_plural": "backends, routes and files",
                "managed": False,
                "default_permissions": ["view"],
            },
        ),
    ]
