"""The console: what is wrong, who can mend it and how, in a browser, over the same store as the command line.

It reads, and puts down requests that the worker carries out (`engine/operating/requests.py`): it has no credentials of
any vendor's.
"""
