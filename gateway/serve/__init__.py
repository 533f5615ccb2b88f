"""Sockets, servers and signals: how the wired application is put on the network."""
