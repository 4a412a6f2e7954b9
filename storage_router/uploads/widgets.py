"""``DirectFileInput``: a file input that sends the file to the storage service before the form is submitted."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.forms.widgets import Media
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from . import views
from .blob import UploadedBlob
from .middleware import current_request
from .policies import Policy


class DirectFileInput(forms.ClearableFileInput):
    """The input of a ``FileField`` whose files go straight to the storage service, by the policy ``policy``.

    Without JavaScript, where the service cannot be reached, or cannot give tickets, the file is submitted as usual. The
    policy holds either way. Raises ``ImproperlyConfigured`` in a subclass with ``allow_multiple_selected``.
    """

    def __init__(self, policy: str, *, storage: str = "default", attrs: dict[str, Any] | None = None) -> None:
        if self.allow_multiple_selected:
            name = type(self).__qualname__
            message = f"{name}: a direct upload is one file, so allow_multiple_selected would lose the others."
            raise ImproperlyConfigured(f"{message} Use a formset with one field for each file.")
        super().__init__(attrs)
        self.policy = policy
        self.storage = storage
        self._kept: UploadedBlob | None = None

    @property
    def media(self) -> Media:
        """The script."""
        return Media(js=["storage_router/uploads.js"])

    def token_name(self, name: str) -> str:
        """Return the name of the field that holds the token of an upload."""
        return f"{name}-upload"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the upload, or the file that was submitted as usual. What is refused raises in the field's
        ``clean()``."""
        file, token = files.get(name), data.get(self.token_name(name))
        value = None
        if file is not None:
            value = self._judged(file, f"file {id(file)}")
        elif token:
            value = self._judged(token, f"token {token}")
        self._kept = value if isinstance(value, UploadedBlob) else None
        return super().value_from_datadict(data, {name: value}, name)  # type: ignore[arg-type]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return whether neither a file nor a token was sent."""
        return super().value_omitted_from_data(data, files, name) and self.token_name(name) not in data

    def use_required_attribute(self, initial: Any) -> bool:
        """Return whether the browser requires a file: not where one is uploaded already."""
        return super().use_required_attribute(initial) and self._kept is None

    def _judged(self, given: Any, key: str) -> Any:
        """Return what is given if the policy allows it, else something that raises the reason when a field asks. A form
        asks several times."""
        request, policy = current_request(), Policy(self.policy, self.storage)
        known = vars(request).setdefault("_storage_router_uploads", {})
        key = f"{self.storage} {self.policy} {key}"
        if key not in known:
            try:
                if isinstance(given, str):
                    given = views.redeem(request, policy, given)
                else:
                    views.judge(request, policy, given)
            except ValidationError as error:
                given = _Refused(error)
            known[key] = given
        return known[key]

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the usual input; where tickets can be had, with what the script needs."""
        policy = Policy(self.policy, self.storage)
        if policy.options.types:
            attrs = {"accept": ",".join(policy.options.types), **(attrs or {})}
        settings = self._settings() if policy.takes_tickets else None
        if settings is None:
            return super().render(name, value, attrs, renderer)
        kept = self._kept
        return format_html(
            '<span data-direct-upload-box="{}">{}<input type="hidden" name="{}" value="{}" data-direct-upload-token>'
            '<progress aria-label="{}" hidden></progress> <button type="button" hidden>{}</button> '
            "<output>{}</output></span>",
            json.dumps(settings),
            super().render(name, value, {**(attrs or {}), "data-direct-upload": True}, renderer),
            self.token_name(name),
            kept.token if kept is not None else "",
            _("Upload"),
            _("Stop the upload"),
            _("%(name)s is uploaded.") % {"name": kept.name} if kept is not None else "",
        )

    def _settings(self) -> dict[str, Any] | None:
        try:
            urls = {step: reverse("storage_router:upload", args=[step]) for step in views.STEPS}
        except NoReverseMatch:
            return None
        return {
            "policy": self.policy,
            "storage": self.storage,
            "urls": urls,
            "texts": {
                "sending": _("The file is being uploaded."),
                "done": _("The file is uploaded."),
                "stopped": _("The upload was stopped."),
                "failed": _("The upload failed. Choose the file again to go on where it ended."),
                "refused": _("The site does not accept this upload. Reload the page and try again."),
                "usual": _("The file will be sent with the form."),
                "wait": _("Please wait until the file is uploaded."),
            },
        }


class _Refused:
    """A file that the policy refuses: a field that asks for its name gets the error."""

    def __init__(self, error: ValidationError) -> None:
        self._error = error

    @property
    def name(self) -> str:
        raise self._error
