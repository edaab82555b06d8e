"""SHARE as a service: HTTP, an MCP server and a page, over one assistant."""
