"""A module as that of django-storages' S3Storage, without the package that it needs: no ImportError."""

from django.core.exceptions import ImproperlyConfigured

raise ImproperlyConfigured("Could not load the bindings of S3. No module named 'bindings'")
