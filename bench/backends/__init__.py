"""How a step is run and timed, framework by framework: each is a folder here."""
