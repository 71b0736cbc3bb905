"""The second layer of the code runner: what Python an author may write, and what may be reached from it.

The kernel is the boundary. This layer is there so that what one hole lets through, another wall stops.
"""
