"""``Table``: what all tables of the document have in common."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetPydanticSchema, model_validator
from pydantic_core import core_schema

from .problems import Location


class Table(BaseModel):
    """One table of the document. Unknown keys are errors; a setting that is None, or ``null``, counts as not given."""

    type: ClassVar[str] = ""
    """The value of ``type`` that says that a backend has these options; ``""`` for other tables."""

    tables: ClassVar[Mapping[str, Callable[[], Any]]] = {}
    """The keys whose values are tables, too, or lists or tables of them, and what returns the model."""

    # Each model is built at its first use; building all of them at import would take 20 ms more.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {key: value for key, value in given.items() if value is not None or key not in cls.model_fields}

    @classmethod
    def keys_at(cls, location: Location) -> Iterable[str]:
        """Return the keys that the table at ``location`` may have."""
        table = cls
        for key in location:
            if (inner := table.tables.get(str(key))) is not None:
                table = inner()
        return table.model_fields


def where_given(model: Callable[[], type[Table]]) -> Any:
    """Return what marks the type of a field as a table that few give: its model is built when one is given.

    The field's default is constructed without validation.
    """

    def validated(given: Any) -> Table:
        return model().model_validate(given)

    def shown(_: Any, handler: Any) -> Any:
        table = model()
        table.model_rebuild()
        # With a reference, in another schema, it becomes a definition of its own.
        named: Any = {**table.__pydantic_core_schema__, "ref": table.__name__}
        return handler(core_schema.chain_schema([named]))

    return GetPydanticSchema(lambda *_: core_schema.no_info_plain_validator_function(validated), shown)
