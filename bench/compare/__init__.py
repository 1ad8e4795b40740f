"""What two or more results say together: verdicts where they may be given, ratios where not."""
