"""Every change of the schema, in order. Imports nothing of ours but `vault.database`."""
