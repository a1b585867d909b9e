"""The words that hub and guest share: frames, actions, results, hello. The only part of `guest` the hub imports."""

PROTOCOL_VERSION = 2
