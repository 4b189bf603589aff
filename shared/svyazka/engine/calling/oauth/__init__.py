"""Access by OAuth (DESIGN 6): authorisation, refresh in single flight, and what is told before it ends.

`app` is what a connector gives; `refresh` hands out access; `authorise` obtains it; `tasks` is the worker's side.
"""
