#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a snapshot file as Consul 1.9 makes it, from the facts of its format alone.

consul_snapshot.py FILE [raw|str] [FAULT]

raw: texts and bytes in the msgpack of before 2013, as go-msgpack 0.5 writes them; str: in the forms
of after it (str8, bin). FAULT: sum (a wrong sum), cut (state.bin ends too early), kind (a record of
an unknown kind), small (no fault, but no large value), field (a field of a wrong type), bomb (a state of zeros that unpacks to 200 MB).
"""
import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile

FORM = sys.argv[2] if len(sys.argv) > 2 else "raw"
FAULT = sys.argv[3] if len(sys.argv) > 3 else ""


def sized(n, fix, fix_max, *long):
    if n <= fix_max:
        return bytes([fix | n])
    for code, form, top in long:
        if n <= top:
            return bytes([code]) + struct.pack(form, n)
    raise ValueError(n)


def text(b):
    if FORM == "raw":
        return sized(len(b), 0xA0, 31, (0xDA, ">H", 65535), (0xDB, ">I", 2**32 - 1)) + b
    return sized(len(b), 0xA0, 31, (0xD9, ">B", 255), (0xDA, ">H", 65535), (0xDB, ">I", 2**32 - 1)) + b


def binary(b):
    if FORM == "raw":
        return text(b)
    return sized(len(b), 0, -1, (0xC4, ">B", 255), (0xC5, ">H", 65535), (0xC6, ">I", 2**32 - 1)) + b


def number(v):
    if v < 0:
        return b"\xd3" + struct.pack(">q", v)
    if v < 128:
        return bytes([v])
    for code, form, top in ((0xCC, ">B", 255), (0xCD, ">H", 65535), (0xCE, ">I", 2**32 - 1)):
        if v <= top:
            return bytes([code]) + struct.pack(form, v)
    return b"\xcf" + struct.pack(">Q", v)


def pack(v):
    if v is None:
        return b"\xc0"
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        return number(v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        return text(v.encode())
    if isinstance(v, bytes):
        return binary(v)
    if isinstance(v, list):
        return sized(len(v), 0x90, 15, (0xDC, ">H", 65535)) + b"".join(map(pack, v))
    return sized(len(v), 0x80, 15, (0xDE, ">H", 65535)) + b"".join(pack(k) + pack(x) for k, x in v.items())


def go_time(unix):
    """time.Time.MarshalBinary, UTC; None: the zero time."""
    s = 0 if unix is None else unix + 62135596800
    return b"\x01" + struct.pack(">qih", s, 0, -1)


def at(create, modify=None, **more):
    return {**more, "CreateIndex": create, "ModifyIndex": modify or create}


def link(i, name):
    return {"ID": i, "Name": name}


def uuid(n):
    return "%08d-1111-2222-3333-444444444444" % n


MANAGEMENT = "00000000-0000-0000-0000-000000000001"
ANONYMOUS = "00000000-0000-0000-0000-000000000002"
NODE = dict(
    ID=uuid(1), Node="web1", Datacenter="dc1", Address="10.0.0.7",
    TaggedAddresses={"lan": "10.0.0.7", "wan": "192.0.2.7"}, NodeMeta={"rack": "r1"},
)
SERVICE = at(
    12, 12, Kind="", ID="shop-1", Service="shop", Tags=["v1", "blue"], Address="10.0.0.8",
    TaggedAddresses={"wan": {"Address": "192.0.2.8", "Port": 81}, "lan": {"Address": "10.0.0.8", "Port": 80}},
    Meta={"a": "b"}, Port=80, Weights={"Passing": 3, "Warning": 2}, EnableTagOverride=True,
    Proxy={"MeshGateway": {"Mode": ""}, "Expose": {"Checks": False, "Paths": None}},
    Connect={"Native": False}, LocallyRegisteredAsSidecar=False,
)
PROXY = at(
    13, 13, Kind="connect-proxy", ID="shop-proxy", Service="shop-proxy", Tags=None, Address="", Meta=None,
    TaggedAddresses=None, Port=2000, Weights=None, EnableTagOverride=False,
    Proxy={"DestinationServiceName": "shop"}, Connect={},
)
CHECK = at(
    14, 15, Node="web1", CheckID="serfHealth", Name="Serf Health Status", Status="passing", Notes="",
    Output="Agent alive and reachable", ServiceID="", ServiceName="", ServiceTags=[], Type="",
    Definition={"Interval": 0, "Timeout": 0},
)


def register(service=None, check=None):
    return 0, at(11, 16, **NODE, Service=service, Check=check, Checks=None, SkipNodeUpdate=False, Token="")


def kv(key, value, flags=0, lock=0, session="", create=20, modify=21):
    return 2, at(create, modify, LockIndex=lock, Key=key, Flags=flags, Value=value, Session=session)


def token(n, secret, policies, roles=None, expires=None, **more):
    return 17, at(
        30, 31, AccessorID=n, SecretID=secret, Description="of test", Policies=policies, Roles=roles,
        ServiceIdentities=None, NodeIdentities=None, Type="", Rules="", Local=False, AuthMethod="",
        ExpirationTime=None if expires is None else go_time(expires), ExpirationTTL=0,
        CreateTime=go_time(1600000000), Hash=b"\x00\xff" * 16, **more,
    )


RECORDS = [
    register(), register(SERVICE), register(PROXY), register(None, CHECK),
    (6, [{"Node": "web1", "Segment": "", "Coord": {"Vec": [0.25] * 8, "Error": 1.5, "Adjustment": 0.0, "Height": 1e-05}}]),
    (3, at(18, 18, ID=uuid(5), Name="lock", Node="web1", LockDelay=15000000000, Behavior="release", TTL="",
           NodeChecks=["serfHealth"], ServiceChecks=None)),
    token(uuid(10), uuid(11), [link(MANAGEMENT, "global-management")]),
    token(ANONYMOUS, "anonymous", [link(uuid(23), "names")]),
    token(uuid(12), uuid(13), None, [link(uuid(21), "readers")]),
    token(uuid(14), uuid(15), [link(MANAGEMENT, "global-management")], expires=1600000100),
    (17, at(30, AccessorID="", SecretID=uuid(16), Type="client", Rules='key "" { policy = "read" }')),
    (19, at(25, ID=MANAGEMENT, Name="global-management", Description="all", Rules='acl = "write"', Syntax=0,
            Datacenters=None, Hash=b"\x01" * 32)),
    (19, at(26, ID=uuid(20), Name="key-read", Description="", Rules='key_prefix "app/" { policy = "read" }',
            Syntax=0, Datacenters=[], Hash=b"\x02" * 32)),
    (19, at(26, ID=uuid(23), Name="names", Description="", Rules='service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }',
            Syntax=0, Datacenters=None, Hash=b"\x04" * 32)),
    (23, at(27, ID=uuid(21), Name="readers", Description="", Policies=[link(uuid(20), "key-read")],
            ServiceIdentities=[{"ServiceName": "shop", "Datacenters": None}], NodeIdentities=None, Hash=b"\x03" * 32)),
    (25, at(28, ID=uuid(22), Description="", AuthMethod="k8s", Selector="", BindType="service", BindName="x")),
    (27, at(29, Name="k8s", Type="kubernetes", Config={"Host": "x"}, MaxTokenTTL=0)),
    kv("app/a", b"one", flags=42), kv("app/lock", b"held", lock=3, session=uuid(5)),
    kv("app/big", b"x" * 70000), kv("app/empty", None), kv("app/late", b"l", create=900000, modify=900001),
    kv("\u00fcber/bytes", bytes(range(256)), flags=2**64 - 1),
    (5, at(0, 22, LockIndex=0, Key="gone", Flags=0, Value=None, Session="")),
    (7, at(33, 34, ID=uuid(40), Name="shops", Session="", Token="",
           Template={"Type": "", "Regexp": "", "RemoveEmptyTags": False},
           Service={"Service": "shop", "Failover": {"NearestN": 2, "Datacenters": ["dc2"]}, "OnlyPassing": True,
                    "IgnoreCheckIDs": None, "Near": "", "Tags": ["v1"], "NodeMeta": None, "ServiceMeta": None,
                    "Connect": False},
           DNS={"TTL": "7s"})),
    (9, at(5, 6, CleanupDeadServers=True, LastContactThreshold=300000000, MaxTrailingLogs=123, MinQuorum=3,
           ServerStabilizationTime=11000000000, RedundancyZoneTag="", DisableUpgradeMigration=False, UpgradeVersionTag="")),
    (12, at(35, ID=uuid(50), SourceName="a", DestinationName="b", Action="allow")),
    (22, {"Entry": {"Kind": "proxy-defaults", "Name": "global"}}),
    (22, {"Entry": {"Kind": "service-defaults", "Name": "shop"}}),
    (31, at(36, Key="intention-format", Value="config-entry")),
    (16, {"Key": "kvs", "Value": 900001}), (16, {"Key": "nodes", "Value": 16}),
    (16, {"Key": "service.shop", "Value": 12}), (16, {"Key": "service_kind.typical", "Value": 12}),
    (16, {"Key": "acl-tokens", "Value": 31}), (16, {"Key": "acl-token-bootstrap", "Value": 30}),
]


def state():
    if FAULT == "small":
        RECORDS[:] = [r for r in RECORDS if len(pack(r[1])) < 4096]
    if FAULT == "kind":
        RECORDS.append((99, {}))
    if FAULT == "field":
        RECORDS.append((2, {"Key": 7}))
    out = pack({"LastIndex": 900001}) + b"".join(bytes([k]) + pack(v) for k, v in RECORDS)
    return out[:-5] if FAULT == "cut" else out if FAULT != "bomb" else out + bytes(200 << 20)


def main():
    body = state()
    meta = json.dumps({
        "Version": 1, "ID": "2-900001-1606000000000", "Index": 900001, "Term": 2, "Peers": "k64xMjcuMC4wLjE6ODMwMA==",
        "Configuration": {"Servers": [{"Suffrage": 0, "ID": uuid(60), "Address": "127.0.0.1:8300"}]},
        "ConfigurationIndex": 1, "Size": len(body),
    }).encode() + b"\n"
    sums = "".join("%s  %s\n" % (hashlib.sha256(b).hexdigest(), n) for n, b in (("meta.json", meta), ("state.bin", body)))
    if FAULT == "sum":
        sums = "0" * 64 + sums[64:]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, b in (("meta.json", meta), ("state.bin", body), ("SHA256SUMS", sums.encode())):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(b), 0o600
            tar.addfile(info, io.BytesIO(b))
    with open(sys.argv[1], "wb") as f:
        f.write(gzip.compress(packed.getvalue()))


main()
