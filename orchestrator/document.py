"""What drf-spectacular is told about the OpenAPI document and its page."""

from __future__ import annotations

from typing import Any

from facades.desktop_v1 import actions as desktop_actions
from facades.sessions_v1 import actions as sessions_actions
from guest.protocol import actions

_ABOUT = "Remote machines that people and AI agents work on: ubuntu, browser and windows desktops over REST."


def settings(version: str) -> dict[str, Any]:
    """For `SPECTACULAR_SETTINGS`."""
    return {
        "TITLE": "Orchestrator",
        "DESCRIPTION": _ABOUT,
        "VERSION": version,
        "OAS_VERSION": "3.1.0",
        "DEFAULT_GENERATOR_CLASS": "common.api.generator.Generator",
        "SERVE_INCLUDE_SCHEMA": False,
        "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        "SERVE_AUTHENTICATION": [],
        "SWAGGER_UI_DIST": "SIDECAR",
        # Closed until somebody opens them: with all operations drawn at once the page stops in their middle.
        "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "defaultModelsExpandDepth": 0},
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "COMPONENT_SPLIT_REQUEST": True,
        "SORT_OPERATIONS": True,
        "DEFAULT_QUERY_MANAGER": "_base_manager",  # a tenant's model has no `objects`
        "APPEND_COMPONENTS": {
            "schemas": {
                **actions.openapi_schemas(),
                **desktop_actions.openapi_schemas(),
                **sessions_actions.openapi_schemas(),
            }
        },
        # Choices stay where they are used: named components would need an entry here for every field of the same name.
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
            "common.api.schema.describe_errors",
            "common.api.examples.complete",
        ],
    }
