"""The whole story over HTTP, as a stranger would play it: no module of the house but this one."""
