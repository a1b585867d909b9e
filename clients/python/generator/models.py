"""`models.py` (answers, pydantic) and `fields.py` (what is sent, typed dictionaries), by datamodel-code-generator."""

from __future__ import annotations

import json
from typing import Any

from datamodel_code_generator import GenerateConfig, generate
from datamodel_code_generator.enums import DataModelType, InputFileType
from datamodel_code_generator.format import Formatter, PythonVersion
from datamodel_code_generator.parser import LiteralType

from document import Document, Schema

_COMMON: dict[str, Any] = {
    "input_file_type": InputFileType.OpenAPI,
    "target_python_version": PythonVersion.PY_311,
    "enum_field_as_literal": LiteralType.All,
    "use_standard_collections": True,
    "use_union_operator": True,
    "use_schema_description": True,
    "use_field_description": True,
    "collapse_root_models": True,
    "disable_timestamp": True,
    "formatters": [Formatter.BUILTIN],
}


def models(document: Document) -> str:
    """What is answered. A field that this client does not know yet is kept, and shown by `model_dump`."""
    header = '"""What the platform answers. Made from docs/openapi.yaml by generator/; not edited by hand."""'
    return _generated(
        document.answered(),
        header,
        output_model_type=DataModelType.PydanticV2BaseModel,
        base_class="orchestrator_client.answers.Answer",
        use_annotated=True,
    )


def fields(document: Document) -> str:
    """What is sent: bodies and queries, as keyword arguments."""
    header = '"""What is sent: bodies and queries. Made from docs/openapi.yaml by generator/; not edited by hand."""'
    return _generated(document.sent(), header, output_model_type=DataModelType.TypingTypedDict)


def _generated(schemas: dict[str, Schema], header: str, **options: Any) -> str:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Orchestrator", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    text = generate(json.dumps(document), config=GenerateConfig(custom_file_header=header, **_COMMON, **options))
    return str(text)
