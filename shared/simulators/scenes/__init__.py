"""A page on which a person makes things happen at the stand-ins, and watches what comes of them.

`svyazka run --with-simulators` serves it at `/play`, beside the stand-ins. The hub doesn't know of it: what is clicked
here reaches the hub as it would from the vendors, by webhooks and at the next look.
"""
