# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of the sockets of an agent."""


def agents_connections(port):
    """TCP connections that it has not yet closed on 127.0.0.1:port."""
    found, ours = 0, "0100007F:%04X" % port
    with open("/proc/net/tcp") as f:
        for line in f:
            fields = line.split()
            # ESTABLISHED, or CLOSE_WAIT: the client has hung up
            found += fields[1] == ours and fields[3] in ("01", "08")
    return found


def unread(port):
    """Octets of datagrams that wait at 127.0.0.1:port to be read."""
    ours = "0100007F:%04X" % port
    with open("/proc/net/udp") as f:
        return sum(int(fields[4].split(":")[1], 16) for fields in map(str.split, f) if fields[1] == ours)
