"""The `probes` suite: probe heads on frozen features of every method, by one protocol."""
