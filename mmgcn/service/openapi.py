"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mmgcn.service.problems import CODES
from mmgcn.service.schemas import Problem

TAGS = {
    "recommendations": "Ranked lists and their explanations.",
    "users": "Users of the run and their histories.",
    "items": "The catalogue: search, and single items.",
    "media": "Videos and posters.",
    "feedback": "Events of users: store, withdraw and read them.",
    "insights": "Coverage, bias and baselines of the run.",
    "status": "The run in service, probes and metrics.",
}


def describe(app: FastAPI) -> None:
    """Complete the app's OpenAPI document: descriptions of tags, and one schema of errors."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                servers=app.servers,
                tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            )
            problem = Problem.model_json_schema()
            problem["properties"]["code"]["enum"] = list(CODES)
            found["components"]["schemas"]["Problem"] = problem
            for name in ("HTTPValidationError", "ValidationError"):  # responses of FastAPI itself
                found["components"]["schemas"].pop(name, None)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
