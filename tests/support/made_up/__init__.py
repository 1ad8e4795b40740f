"""An experiment of the tests' own, as the recipe in docs/architecture.md makes one: everything of it is in here."""
