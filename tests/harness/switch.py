# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are network namespaces, and a switch between them that does what a fault harness
wants of a network: every packet goes through this program, which delays it, loses it, or does not
let it pass, by a seed. Needs root and /dev/net/tun. The namespaces have no names: they are gone with
the processes. Python 3 and ip(8), nothing else.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """None when all that is needed is here."""
    if os.geteuid() != 0:
        return "namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    pid = os.fork()
    if pid == 0:
        try:
            fd = os.open("/proc/self/ns/net", os.O_RDONLY)
            Switch.plug(0, "10.77.0.1")
            os._exit(0)
        except Exception:
            os._exit(1)
    return "no namespaces or tun devices here" if os.waitpid(pid, 0)[1] else None


class Switch:
    """One machine for each address. The caller is left in the namespace of the last."""

    @staticmethod
    def plug(number, address):
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"net0", IFF_TUN | IFF_NO_PI))
        for words in ("link set lo up", "address add %s/24 dev net0" % address, "link set net0 up"):
            subprocess.run(["ip"] + words.split(), check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        return tun, os.open("/proc/self/ns/net", os.O_RDONLY)

    def __init__(self, addresses, seed):
        self.addresses = addresses
        plugs = [self.plug(i, a) for i, a in enumerate(addresses)]
        self.spaces = dict(zip(addresses, (ns for _, ns in plugs)))
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.control.close()
            try:
                self.forward({socket.inet_aton(a): tun for a, (tun, _) in zip(addresses, plugs)},
                             theirs, random.Random(seed))
            finally:
                os._exit(0)
        theirs.close()
        for tun, _ in plugs:
            os.close(tun)

    def enter(self, address):
        """For preexec_fn: the process lives on that machine."""
        if libc.setns(self.spaces[address], CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def set(self, cuts=(), loss=0.0, delay=0.0):
        """cuts: pairs (from, to); loss: of a packet between servers; delay: seconds, each way."""
        self.control.send(json.dumps({"cuts": list(cuts), "loss": loss, "delay": delay}).encode())
        self.control.recv(10)

    def close(self):
        self.control.close()
        os.waitpid(self.pid, 0)

    @staticmethod
    def forward(tuns, control, rng):
        poll = select.poll()
        by_fd = {tun: address for address, tun in tuns.items()}
        for tun in by_fd:
            poll.register(tun, select.POLLIN)
        poll.register(control, select.POLLIN)
        cuts, loss, delay, late, n = set(), 0.0, 0.0, [], 0

        def deliver(to, packet):
            try:
                os.write(tuns[to], packet)
            except OSError:
                pass

        while True:
            wait = None
            if late:
                wait = max(0, (late[0][0] - time.monotonic()) * 1000 + 0.5)
            for fd, _ in poll.poll(wait):
                if fd == control.fileno():
                    message = control.recv(100000)
                    if not message:
                        return
                    wish = json.loads(message)
                    cuts = {(socket.inet_aton(a), socket.inet_aton(b)) for a, b in wish["cuts"]}
                    loss, delay = wish["loss"], wish["delay"]
                    control.send(b"done")
                    continue
                for _ in range(64):
                    try:
                        packet = os.read(fd, 65536)
                    except OSError:
                        break
                    if len(packet) < 20 or packet[0] >> 4 != 4:
                        continue
                    to, sender = packet[16:20], by_fd[fd]
                    if to not in tuns or (sender, to) in cuts or (loss and rng.random() < loss):
                        continue
                    if delay:
                        n += 1
                        heapq.heappush(late, (time.monotonic() + delay, n, to, packet))
                    else:
                        deliver(to, packet)
            now = time.monotonic()
            while late and late[0][0] <= now:
                _, _, to, packet = heapq.heappop(late)
                deliver(to, packet)
