"""Whether a person's password was chosen by somebody else, for the requests' role to write as it writes passwords."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0013_recordings_quota"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="password_by_others",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Somebody of a site chose it, and may know it, until whoever reads the email chooses another.",
            ),
        ),
        migrations.RunSQL(
            sql="GRANT UPDATE (password_by_others) ON sites_user TO app",
            reverse_sql="REVOKE UPDATE (password_by_others) ON sites_user FROM app",
        ),
    ]
