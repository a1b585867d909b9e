"""No request's role sees anybody's second factor: only crew reads it, before any site is known."""

from django.db import migrations

from common.rls import guard


class Migration(migrations.Migration):
    dependencies = [("sites", "0007_second_factor")]

    operations = [guard("sites_secondfactor", sees="false")]
