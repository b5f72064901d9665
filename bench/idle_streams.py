"""Prints by how many bytes idle event streams enlarge a daemon.

usage: idle_streams.py PROCESS_ID EVENTS_URL COUNT
"""

import resource
import socket
import sys
import time
from urllib.parse import urlsplit


def resident_bytes(process_id):
    with open(f"/proc/{process_id}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def open_stream(url):
    """A connection that has received the job's first event and will receive no second one."""
    client = socket.create_connection((url.hostname, url.port), timeout=10)
    client.sendall(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
    received = b""
    while b"event: state" not in received:
        part = client.recv(4096)
        if not part:
            sys.exit(f"error: no event stream at {url.geturl()}: {received!r}")
        received += part
    return client


def main(process_id, url, count):
    url = urlsplit(url)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # What the first streams touch is there once, however many follow.
    clients = [open_stream(url) for _ in range(10)]
    before = resident_bytes(process_id)
    clients += [open_stream(url) for _ in range(int(count))]
    time.sleep(1)
    print(resident_bytes(process_id) - before)
    for client in clients:
        client.close()


main(*sys.argv[1:])
