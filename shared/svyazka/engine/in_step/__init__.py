"""Systems kept in step: what an event wishes looked at, and what a look makes of it.

State, not messages: an event says only "look at this object". What follows comes of comparing what the systems say now
with what was last agreed, so events that are lost, doubled, late or out of order can't make them differ.
"""
