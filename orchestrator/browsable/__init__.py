"""The API as pages for people: forms, filters and links, all made from the OpenAPI document and from the answers."""
