"""What can be wrong with the data, as one typed error that names the file and the remedy."""

from pathlib import Path


class DataError(Exception):
    """Fashion-MNIST cannot be used: `subject` is the file, folder or source at fault."""

    def __init__(self, subject: Path | str, expected: str, found: str, remedy: str) -> None:
        self.subject = subject
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(f"{subject}: expected {expected}, found {found}. {remedy}")
