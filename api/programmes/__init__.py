"""The resource API: what a programme may ask about a person, and the smallest lawful answer."""
