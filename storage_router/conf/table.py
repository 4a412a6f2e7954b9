"""``Table``: what all tables of the document have in common."""

import ast
import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, GetPydanticSchema, model_validator
from pydantic_core import CoreSchema, core_schema

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
    def documentation(cls) -> dict[str, tuple[str, list[Any]]]:
        """Return the description of each setting and its examples: the docstring below it, which may end in ``For
        example `"JSON"` or `1`.``."""
        # Pydantic's use_attribute_docstrings would parse the source at each start.
        found = {}
        for table in reversed([one for one in cls.__mro__ if issubclass(one, Table)]):
            body = ast.parse(inspect.getsource(table)).body[0].body  # type: ignore[attr-defined]
            for field, below in itertools.pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    text = " ".join(ast.literal_eval(below.value).split())
                    description, _, examples = text.partition(" For example ")
                    found[ast.unparse(field.target)] = description, [*map(json.loads, re.findall("`(.*?)`", examples))]
        return {name: found[name] for name in cls.model_fields if name in found}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(core)
        shown = handler.resolve_ref_schema(reference)
        for name, (description, examples) in cls.documentation().items():
            shown["properties"][name] |= {"description": description} | ({"examples": examples} if examples else {})
        return reference

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
