"""What is recorded beside the timings: the machine, the software, profiles."""
