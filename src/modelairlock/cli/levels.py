"""The names of levels of isolation, for options: written out, because `records.isolation` would slow every start."""

#: what a scan may ask for
LEVELS = ("none", "weak", "confined", "strict")
#: and what opens a model
JAIL_LEVELS = ("confined", "strict")
