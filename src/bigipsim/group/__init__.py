"""Several simulated devices as one device group: who is active, whose configuration is the newest, how it travels.

`membership` holds the values, `group` what a unit knows of itself and its peers, `shared` which configuration
travels, and `link` is the only part that speaks over the network.
"""
