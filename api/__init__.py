"""The edges: HTTP, pages, the authorization server and the command line."""
