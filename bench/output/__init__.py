"""The kit of everything that is shown: tables, cells, figures, plots, progress."""
