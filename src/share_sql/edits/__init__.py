"""One table of changes to a query: repairs, guesses, spoiling, naming."""
