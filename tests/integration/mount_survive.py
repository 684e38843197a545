# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that have files of a mount open while its agent is killed and started again by `disco hold`.

    mount_survive.py open MOUNT PIDFILE HOLD     what each kind of open file does after a kill, TAP on stdout
    mount_survive.py busy MOUNT PIDFILE N      N kills at random moments under readers and writers
"""
import errno, fcntl, mmap, os, random, select, signal, subprocess, sys, threading, time

mount, pidfile = sys.argv[2:4]
kv = mount + "/kv"
count = 0


def ok(passed, what, said=None):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {what}", flush=True)
    if not passed and said is not None:
        print(f"# {said!r}", flush=True)


def name(call):
    try:
        return call()
    except OSError as e:
        return errno.errorcode[e.errno]


def agent():
    with open(pidfile) as f:
        return int(f.read())


def ends(pid):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except OSError:
            return
        time.sleep(0.005)


def strike(number, to=0):
    """The agent gets the signal and is gone."""
    pid = agent()
    os.kill(to or pid, number)
    ends(pid)


def is_back(old):
    end = time.monotonic() + 40
    while time.monotonic() < end:
        try:
            if agent() != old:
                return True
        except (OSError, ValueError):
            pass
        time.sleep(0.01)
    return False


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def get(path):
    with open(path) as f:
        return f.read()


def stuck():
    """Processes of ours that nothing can end."""
    found = []
    for p in os.listdir("/proc"):
        try:
            with open(f"/proc/{p}/stat") as f:
                rest = f.read().rpartition(")")[2].split()
            if rest[0] == "D" and int(rest[1]) == os.getpid():
                found.append(p)
        except (OSError, ValueError):
            pass
    return found


def open_files(number, how):
    """All kinds of open files before, the signal, and what they say after."""
    is_orderly = number == signal.SIGUSR2
    os.makedirs(kv + "/dir", exist_ok=True)
    for i in range(300):
        put(f"{kv}/dir/{i}", str(i))
    put(kv + "/read", "0123456789" * 100)
    put(kv + "/gone", "old")
    put(kv + "/clean", "abc")
    put(kv + "/log", "first\n")
    put(kv + "/dirty", "before")
    put(kv + "/large", "before")
    for lock in ("lock", "free"):
        put(f"{kv}/{lock}", "")

    read = os.open(kv + "/read", os.O_RDONLY)
    os.read(read, 10)
    gone = os.open(kv + "/gone", os.O_RDONLY)
    snapshot = os.open(mount + "/members", os.O_RDONLY)
    mapped = mmap.mmap(read, 1000, prot=mmap.PROT_READ)
    listing = os.scandir(kv + "/dir")
    listed = [next(listing).name for _ in range(3)]
    shell = subprocess.Popen(["sh", "-c", "cd " + kv + "/dir && echo in && read x && cat 7 && pwd && echo s >made"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    shell.stdout.readline()
    put(mount + "/events/deploy-" + how, "one")
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", mount + "/events/deploy-" + how], stdout=subprocess.PIPE)
    first = tail.stdout.readline()
    held = os.open(kv + "/lock", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    waiter = subprocess.Popen(["flock", kv + "/lock", "echo", "granted"], stdout=subprocess.PIPE, text=True)
    # After the last process was made: in each of them these would be closed, which saves them.
    clean = os.open(kv + "/clean", os.O_RDWR)
    dirty = os.open(kv + "/dirty", os.O_RDWR)
    os.pwrite(dirty, b"B", 0)
    large = os.open(kv + "/large", os.O_WRONLY | os.O_TRUNC)
    os.write(large, b"x" * 200000)
    log = os.open(kv + "/log", os.O_WRONLY | os.O_APPEND)
    new = os.open(kv + "/new-" + how, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(new, b"made")
    watched = os.open(kv + "/free", os.O_RDONLY)
    poll = select.poll()
    poll.register(watched, select.POLLPRI)
    poll.poll(0)
    polled = []
    thread = threading.Thread(target=lambda: polled.extend(poll.poll(30000)), daemon=True)
    thread.start()
    waits = []
    changes = os.open(mount + "/.changes", os.O_RDONLY)
    reader = threading.Thread(target=lambda: waits.append(name(lambda: os.read(changes, 4096))), daemon=True)
    reader.start()
    end = time.monotonic() + 5
    while time.monotonic() < end and "fuse" not in get(f"/proc/{waiter.pid}/wchan") and \
            "request_wait" not in get(f"/proc/{waiter.pid}/wchan"):
        time.sleep(0.01)

    old = agent()
    strike(number, int(sys.argv[4]) if is_orderly else 0)
    ok(name(lambda: os.stat(kv + "/read").st_size) == 1000, how + ": a stat waits for the next agent")
    ok(is_back(old), how + ": it is started again")
    said = name(lambda: os.read(read, 10))
    ok(said == b"0123456789", how + ": a reader reads on", said)
    ok(mapped[990:1000] == b"0123456789", how + ": what is mapped is there")
    said = name(lambda: get(kv + "/read")[:3])
    ok(said == "012", how + ": new opens work", said)
    said = name(lambda: os.read(gone, 10))
    ok(said == b"old", how + ": a version that nobody had read yet is read", said)
    said = name(lambda: os.pread(clean, 10, 0)), name(lambda: os.pwrite(clean, b"X", 1)), name(lambda: os.fsync(clean))
    ok(said == (b"abc", 1, None) and get(kv + "/clean") == "aXc", how + ": a writer goes on", said)
    said = name(lambda: os.close(dirty)), get(kv + "/dirty")
    ok(said == (None, "Before"), how + ": what it had not saved is saved at close", said)
    said = name(lambda: os.write(new, b" anew")), name(lambda: os.close(new)), name(lambda: get(kv + "/new-" + how))
    ok(said == (5, None, "made anew"), how + ": also of a file being made", said)
    said = name(lambda: os.write(large, b"y")), name(lambda: os.close(large)), len(get(kv + "/large"))
    if is_orderly:
        ok(said == (1, None, 200001), how + ": also when it is much", said)
    else:
        ok(said == ("EIO", "EIO", 6), how + ": when it was much, write and close say that it is lost", said)
    said = name(lambda: os.write(log, b"second\n")), name(lambda: os.fsync(log)), get(kv + "/log")
    ok(said == (7, None, "first\nsecond\n"), how + ": who appends goes on", said)
    said = name(lambda: os.read(snapshot, 100))
    ok(isinstance(said, bytes) and b"alive" in said, how + ": a snapshot keeps its bytes", said)
    said = sorted(listed + [e.name for e in listing], key=lambda n: (len(n), n))
    ok([n for n in said if n != "made"] == [str(i) for i in range(300)], how + ": a listing goes on, none twice", said)
    shell.stdin.write("\n")
    shell.stdin.close()
    said = shell.stdout.read(), shell.wait(20), name(lambda: get(kv + "/dir/made"))
    ok(said == (f"7{kv}/dir\n", 0, "s\n"), how + ": a shell in a directory goes on", said)
    put(mount + "/events/deploy-" + how, "two")
    said = tail.stdout.readline()
    ok(b"one" in first and b"two" in said, how + ": tail -f of events follows", said)
    tail.kill()
    tail.wait()
    reader.join(20)
    ok(waits and b"\toverflow" in waits[0], how + ": who reads .changes is told that he missed some", waits)
    ok(waiter.poll() is None, how + ": who waits for a lock waits on")
    said = get(mount + "/locks/lock")
    ok("mount " + mount in said, how + ": who has it has it", said)
    put(kv + "/free", "changed")
    thread.join(20)
    ok(polled and polled[0][1] & select.POLLPRI, how + ": poll wakes", polled)
    os.close(held)
    said = waiter.communicate(timeout=20)[0]
    ok(said == "granted\n", how + ": a lock given back goes to the next", said)
    for fd in (read, gone, clean, log, snapshot, changes, watched):
        os.close(fd)
    ok(not stuck(), how + ": nothing is stuck", stuck())


def busy(rounds):
    """Readers of whole values, a writer that counts, an appender, makers and removers; kills."""
    rng = random.Random(int(os.environ.get("SURVIVE_SEED", "1")))
    stop, wrong, done = threading.Event(), [], {"read": 0, "write": 0, "make": 0}
    os.makedirs(kv + "/busy", exist_ok=True)
    put(kv + "/busy/n", "0 " * 500)

    def whole(path):
        words = get(path).split()
        return int(words[0]) if len(words) == 500 and len(set(words)) == 1 else wrong.append(f"torn {words[:3]}")

    def guard(what, call):
        def run():
            while not stop.is_set():
                try:
                    call()
                    done[what] += 1
                except OSError as e:
                    wrong.append(f"{what}: {e}")
        return run

    last = [0]

    def read():
        n = whole(kv + "/busy/n")
        if n is not None and n < last[0]:
            wrong.append(f"back from {last[0]} to {n}")
        last[0] = max(last[0], n or 0)

    held = os.open(kv + "/busy/n", os.O_RDONLY)
    number, made = [0], [0]

    def write():
        number[0] += 1
        put(kv + "/busy/n", f"{number[0]} " * 500)

    def make():
        made[0] += 1
        path = f"{kv}/busy/x{made[0]}"
        with open(path, "x") as f:
            f.write("x")
        os.rename(path, path + "y")
        os.mkdir(path)
        os.listdir(kv + "/busy")
        os.rmdir(path)
        os.unlink(path + "y")

    threads = [threading.Thread(target=guard(w, c), daemon=True)
               for w, c in (("read", read), ("write", write), ("make", make))]
    for t in threads:
        t.start()
    for i in range(rounds):
        time.sleep(rng.random() * 0.2)
        old = agent()
        strike(signal.SIGUSR2 if i % 5 == 4 else signal.SIGKILL)
        if not is_back(old):
            wrong.append(f"round {i}: it did not come back")
            break
        # One of each kind may have ended before the signal: two more tell that the next agent answers.
        before = dict(done)
        end = time.monotonic() + 60
        while time.monotonic() < end and any(done[w] < before[w] + 2 for w in done) and len(wrong) < 20:
            time.sleep(0.01)
        if any(done[w] < before[w] + 2 for w in done):
            wrong.append(f"round {i}: no progress {before} {done}")
            break
    stop.set()
    for t in threads:
        t.join(20)
    ok(not any(t.is_alive() for t in threads), "readers and writers end")
    # An open whose name was just replaced is told ESTALE and tried once more by the kernel, not twice.
    stale = [w for w in wrong if "[Errno 116]" in w]
    others = [w for w in wrong if w not in stale]
    ok(not others and len(stale) <= rounds // 5 + 1, f"{rounds} agents killed or restarted: nobody sees an error", wrong[:10])
    print(f"# {done} stale={len(stale)}", flush=True)
    ok(name(lambda: os.read(held, 2)) in (b"0 ", "ESTALE"), "the first version is read, or said to be gone")
    os.close(held)


if sys.argv[1] == "open":
    open_files(signal.SIGKILL, "killed")
    open_files(signal.SIGUSR2, "restarted")
else:
    busy(int(sys.argv[4]))
print(f"1..{count}")
