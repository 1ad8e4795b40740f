"""What tests share that is no test: limits that fit the machine, words for parameters."""
