"""A payment gateway for tests: localstripe on a free port of the loopback, which keeps nothing on the disk.

Tells its port on standard output, and ends with its standard input.
"""

import json
import logging
import os
import socket
import sys
import threading

from aiohttp import web
from localstripe import resources, server

logging.disable(logging.CRITICAL)

# Else it writes all that it knows into the machine's own directory for temporary files at each change.
resources.Store.dump_to_disk = lambda self: None


def end_with_input():
    sys.stdin.read()
    os._exit(0)


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen()
sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
sys.stdout.flush()
threading.Thread(target=end_with_input, daemon=True).start()
web.run_app(server.app, sock=listener, print=None, access_log=None)
