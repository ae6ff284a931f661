"""The web page: building it, putting it on a static host, and driving it in a browser."""
