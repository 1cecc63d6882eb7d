"""The pages of those who work here, on a listener of their own."""
