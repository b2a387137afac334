/** Docs: the API's documentation, rendered by Swagger UI from openapi.json. */

SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
