"""The doors: what may leave the registers, one question or many in one transaction."""
