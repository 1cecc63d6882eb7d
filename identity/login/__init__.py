"""How citizens and staff prove who they are."""
