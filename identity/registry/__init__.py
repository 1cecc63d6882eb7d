"""The registers: people, households, and the numbers each goes by."""
