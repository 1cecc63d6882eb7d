"""The authorization server: protocol only. Its state is in `identity`, its keys in `vault`."""
