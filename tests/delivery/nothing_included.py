"""A URLconf without the views."""

urlpatterns: list = []
