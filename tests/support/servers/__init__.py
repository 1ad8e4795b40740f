"""The real server, with something in it that is made up: each is run as `python -m support.servers.NAME`."""
