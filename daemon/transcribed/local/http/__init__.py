"""The local API over HTTP: the server, its endpoints, the checks of each request, and the keys it accepts."""
