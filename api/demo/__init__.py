"""A synthetic country to try everything on: seeded once, served here, none of it real."""
