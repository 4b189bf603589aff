"""Small tools of the engine: log lines, failpoints, URLs, answers read to a limit, paging through what is due."""
