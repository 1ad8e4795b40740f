"""What the command line can do: a function for each command, grouped by what it is for."""
