"""``RouteOptions``: one entry of ``routes``."""

from typing import Annotated, Any, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema, core_schema

from storage_router import names
from storage_router.exceptions import InvalidNameError

from .problems import invalid, quoted
from .table import Table
from .units import DOTTED_PATH, Form, after, duration_within, guessed

_MEDIA_TYPE = r"[\w.+-]+/(?:[\w.+-]+|\*)"
_EXAMPLES = "For example 'application/pdf' or 'image/*'."
_type = Form(
    rf"(?:\.[^\s./*,;\\]+)+|{_MEDIA_TYPE}",
    "is neither an extension nor a media type",
    "For example '.psd', '.tar.gz', 'image/png' or 'video/*'.",
)
_media_type = Form(_MEDIA_TYPE, "is not a media type", _EXAMPLES)
_attachment = Form(f"active|{_MEDIA_TYPE}", "is not a media type", _EXAMPLES)
_authorize = Form(
    rf"model:(?:[A-Za-z_]\w*\.){{2}}[A-Za-z_]\w*|{DOTTED_PATH}",
    "is neither a dotted path nor 'model:app.Model.field'",
    "For example 'acme.files.may_read' or 'model:docs.Document.file'.",
)
_LONGEST_LINK = 7 * 86400
# What names.clean_directory takes, for editors.
_SEGMENT = r"(?!\.{1,2}(?:[/\\]|$))[^/\\*\x00-\x1f\x7f-\x9f]+"
_PREFIX = rf"(?![A-Za-z]:(?:[/\\]|$)){_SEGMENT}(?:[/\\]+{_SEGMENT})*[/\\]*"


class ListOf:
    """A list, or one value in its place; a string that is a JSON list, as in a variable, is that list."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._list, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        array = handler(core)
        return {"anyOf": [array["items"], array | {"minItems": self.least}]}

    def _list(self, value: Any) -> Any:
        if isinstance(value, str):
            # A glob may begin with a bracket, too.
            decoded = guessed(value) if value.lstrip().startswith("[") else value
            value = decoded if isinstance(decoded, list) else (value,)
        elif not isinstance(value, list | tuple):
            # A set, too: its order, and with it which prefix is stripped, may be another one in each process.
            value = (value,)
        if len(value) < self.least:
            raise invalid("the list is empty, so nothing can match", "Leave the matcher out to match everything.")
        return value


def prefix_of_names(value: str) -> str:
    """Return a prefix of names. Raises an error where ``value`` is none."""
    first, *others = value.split("/")
    tenants = [segment for segment in others if names.TENANT in segment]
    if names.TENANT in first or tenants not in ([], [names.TENANT]):
        hint = "{tenant} is one entire segment, and not the first: 'tenants/{tenant}/'."
        raise invalid(f"{quoted(value)} is not a prefix of names", hint, id="E061")
    if "*" in value:
        hint = "A prefix is entire leading segments: 'private/'. Patterns are for glob: 'private/*', 'private/**'."
        raise invalid(f"{quoted(value)} is a pattern, and a prefix is none", hint)
    try:
        if names.clean_directory(value):
            return value
    except InvalidNameError:
        hint = "For example 'private/'; without a leading slash, empty, '.' or '..' segments."
        raise invalid(f"{quoted(value)} is not a prefix of names", hint) from None
    raise invalid("the prefix is empty", "Leave it out to match everything.")


Prefix = Annotated[str, after(prefix_of_names), WithJsonSchema({"type": "string", "pattern": f"^{_PREFIX}$"})]
"""A prefix of names, not empty."""


def _glob(value: str) -> str:
    from storage_router.globs import Glob

    try:
        Glob(value)
    except ValueError as error:
        hint = "It is for the entire name; * stays inside a segment, ** crosses segments: 'invoices/*.pdf', '**/*.psd'."
        raise invalid(f"{quoted(value)} is not a glob: {error}", hint) from None
    return value


def _known(value: str) -> str:
    from storage_router import media_types

    if "/" in value and not media_types.extensions(value.lower()):
        hint = "Give the extension instead, such as '.psd'."
        raise invalid(f"no file has the media type {quoted(value)} by the package's table", hint)
    return value


TypeList = Annotated[tuple[Annotated[str, _type], ...], ListOf(1)]
"""Extensions and media types."""


class RouteOptions(Table):
    """Which names go to which backend. Any entry of a matcher may match; different matchers must all match."""

    backend: str
    """The alias of the backend. For example `"media"`."""

    prefix: Annotated[tuple[Prefix, ...], ListOf(1)] = ()
    """Entire leading path segments. For example `"private/"` or `["a/", "b/c/"]`."""

    glob: Annotated[tuple[Annotated[str, after(_glob)], ...], ListOf(1)] = ()
    """Patterns for the entire name: `*` stays inside a segment, `**` crosses segments. For example `"invoices/*.pdf"`
    or `["**/*.psd", "raw/**"]`.
    """

    types: Annotated[tuple[Annotated[str, _type, after(_known)], ...], ListOf(1)] = ()
    """Extensions and media types, whatever their case. For example `".psd"` or `["video/*", ".tar.gz", "image/png"]`.
    """

    strip_prefix: bool = False
    """Whether the backend sees the name without the prefix."""

    read_only: bool = False
    """Whether writing and deleting are refused."""

    delivery: Literal["link", "redirect", "stream", "accel"] = "link"
    """How the files are reached: by the backend's URL (`link`), or by a view that asks `authorize` and then redirects,
    streams, or lets nginx send the file.
    """

    authorize: Annotated[str | None, _authorize] = None
    """Who may read: the dotted path of a function `f(request, file)`, or a field of a model as
    `model:docs.Document.file`. Required unless `delivery` is `link`. For example `"acme.files.may_read"` or
    `"model:docs.Document.file"`.
    """

    inline: Annotated[tuple[Annotated[str, _media_type, after(str.lower)], ...], ListOf(0)] = (
        "image/*",
        "audio/*",
        "video/*",
        "text/plain",
        "application/pdf",
    )
    """Media types that the view lets browsers show; all others are downloads. A `*` never stands for active types such
    as HTML and SVG. For example `["image/*", "application/pdf"]`.
    """

    link_seconds: Annotated[int, duration_within(1, _LONGEST_LINK)] = 60
    """How long the link of a `redirect` is valid. For example `"1m"` or `"1h"`."""

    link_domain: Literal["account", "custom"] = "account"
    """Whether the link of a `redirect` leads to the account or to `custom_domain`."""

    resource_policy: Literal["same-origin", "same-site", "cross-origin"] = "same-origin"
    """Which sites may embed the files of the view (Cross-Origin-Resource-Policy)."""

    attachment: Annotated[tuple[Annotated[str, _attachment, after(str.lower)], ...], ListOf(0)] = ()
    """Media types that a `link` route stores with `Content-Disposition: attachment`; `active` stands for all that can
    run scripts (HTML, SVG, JavaScript …). For example `["active"]`.
    """

    moving_from: str | None = None
    """The alias of the backend that the files move from. With `phase`. For example `"old"`."""

    phase: Literal["mirror", "switch", "settle"] | None = None
    """How far the move is. Each phase writes both backends; `mirror` reads the old one, `switch` the new one or else
    the old one, `settle` the new one.
    """

    mirror_errors: Literal["log", "raise"] = "log"
    """What becomes of a failed write to the backend that is not read."""

    unique_names: bool = False
    """No two saves ask for the same name and no file is overwritten, as with a UUID in `upload_to`. Moves from or to
    storages of other packages need it. For example `true`.
    """

    @property
    def target(self) -> str:
        """The alias of the backend, or, for the two of a move, ``old > new (mirror)``."""
        return self.backend if self.phase is None else f"{self.moving_from} > {self.backend} ({self.phase})"

    @model_validator(mode="after")
    def _move_is_complete(self) -> Self:
        if (self.moving_from is None) != (self.phase is None):
            given, missing = ("phase", "moving_from") if self.moving_from is None else ("moving_from", "phase")
            hint = "A move needs both: moving_from = 'old' and phase = 'mirror'."
            raise invalid(f"{given!r} is given, and {missing!r} is missing", hint, id="E002")
        for option in ("mirror_errors", "unique_names"):
            if self.phase is None and option in self.model_fields_set:
                raise invalid(f"{option} has no effect without a move", "Remove it.", id="E008")
        if self.moving_from == self.backend:
            raise invalid("moving_from is the route's own backend", "Name the backend that the files come from.")
        return self

    @model_validator(mode="after")
    def _delivery_is_complete(self) -> Self:
        given = self.model_fields_set
        if self.delivery == "link":
            if without_effect := given & {"authorize", "inline", "link_seconds", "link_domain", "resource_policy"}:
                names_of = ", ".join(sorted(without_effect))
                hint = "Set delivery to 'stream', 'redirect' or 'accel', or remove them."
                raise invalid(f"delivery is 'link', where {names_of} would have no effect", hint, id="E008")
            return self
        if self.authorize is None:
            hint = "Add authorize = 'acme.files.may_read' (a function f(request, file)) or 'model:app.Model.field'."
            raise invalid(f"delivery is {self.delivery!r}, and 'authorize' is missing", hint, id="E002")
        if self.attachment:
            hint = "Remove attachment: the view decides by 'inline'."
            raise invalid(f"attachment has no effect where delivery is {self.delivery!r}", hint, id="E008")
        if self.delivery != "redirect" and (given & {"link_seconds", "link_domain"}):
            raise invalid("link_seconds and link_domain are for delivery = 'redirect'", "Remove them.", id="E008")
        from storage_router import media_types

        allowed = () if self.delivery == "redirect" else ("image/svg+xml",)
        for media_type in self.inline:
            if media_types.is_active(media_type) and media_type not in allowed:
                hint = "Remove it from inline: the files are then downloads."
                if media_type == "image/svg+xml":
                    hint += " With 'stream' or 'accel', SVG can be shown under a policy that stops its scripts."
                raise invalid(f"inline: {media_type} can run scripts", hint)
        return self
