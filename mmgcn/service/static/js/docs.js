/** Docs: the API's documentation, drawn by Swagger UI from openapi.json. */

SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
