"""Files that people keep their clients in: read whatever wrote them, put right, and handed on row by row.

Pure but for reading the file: what becomes of a row is decided from the file and from what a person has decided before,
never from the order of two runs. The heavy libraries are imported by the functions that need them.
"""
