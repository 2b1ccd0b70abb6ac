"""Prints the bits of the win rate of a prompt by each of the routers that are named."""

import struct
import sys

from routellm_rs import Router

for folder in sys.argv[2:]:
    print(struct.pack(">d", Router.open(folder).win_rate(sys.argv[1])).hex())
