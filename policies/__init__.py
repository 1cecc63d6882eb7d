"""What may happen: words, decisions and reasons. Pure: no I/O, no clock, no HTTP, no SQL."""
