"""Small tools of the engine: log lines, failpoints, URLs, paging through what is due."""
