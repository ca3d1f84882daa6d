"""What is served over HTTP, and how; what the pages say is handed in."""
