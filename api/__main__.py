"""`python -m api` is `amana`."""

from api.cli import main

main(prog_name="amana")
