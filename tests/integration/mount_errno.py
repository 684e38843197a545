#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation and how it fails, on the mount and on another file system.

    mount_errno.py KV-DIRECTORY OTHER-DIRECTORY

A row: what is done, the error on the mount, and, where the mount differs from the other file
system, that one's error and why. Prints TAP.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, NOREPLACE, EXCHANGE, WHITEOUT = -100, 1, 2, 4


def renameat2(a, b, flags):
    if libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), flags) < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def fallocate(fd, mode, at, n):
    if libc.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(n)) < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def opened(path, flags, then=lambda fd: None, mode=0o644):
    fd = os.open(path, flags, mode)
    try:
        return then(fd)
    finally:
        os.close(fd)


def put(path, data=b"x"):
    opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, lambda fd: os.write(fd, data))


def same(got, wanted):
    if got != wanted:
        raise AssertionError("%r instead of %r" % (got, wanted))


def bind(path):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind(path)
    finally:
        s.close()


def read_opened(path):
    return opened(path, os.O_RDONLY, lambda fd: os.read(fd, 100))


W, R, C, X, T = os.O_WRONLY, os.O_RDONLY, os.O_CREAT, os.O_EXCL, os.O_TRUNC
LONG = "n" * 256
OK = 0
# name, function of the directory d (which holds file f "data", file g "other", directories e
# (empty) and full (with file in)), error on the mount [, error elsewhere, why]
ROWS = [
    ("open: of what is not there", lambda d: os.open(d + "/no", R), errno.ENOENT),
    ("open: below a file", lambda d: os.open(d + "/f/x", R), errno.ENOTDIR),
    ("open: below what is not there", lambda d: os.open(d + "/no/x", W | C), errno.ENOENT),
    ("open: a directory to write", lambda d: os.open(d + "/e", W), errno.EISDIR),
    ("open: a directory with O_CREAT", lambda d: os.open(d + "/e", R | C), errno.EISDIR),
    ("open: O_DIRECTORY of a file", lambda d: os.open(d + "/f", R | os.O_DIRECTORY), errno.ENOTDIR),
    ("open: O_EXCL of what is there", lambda d: os.open(d + "/f", W | C | X), errno.EEXIST),
    ("open: O_EXCL of a directory", lambda d: os.open(d + "/e", W | C | X), errno.EEXIST),
    ("open: a name of 256 bytes", lambda d: os.open(d + "/" + LONG, R), errno.ENAMETOOLONG),
    ("open: make a name of 256 bytes", lambda d: os.open(d + "/" + LONG, W | C), errno.ENAMETOOLONG),
    ("open: a path over PATH_MAX", lambda d: os.open(d + "/x" * 2100, R), errno.ENAMETOOLONG),
    ("open: O_TMPFILE", lambda d: os.open(d, os.O_TMPFILE | W), errno.EOPNOTSUPP, OK,
     "a key has a name; programs fall back to mkstemp"),
    ("open: make a name that no key has", lambda d: os.open(d + "/100%", W | C), errno.EINVAL, OK,
     "% begins an escape"),
    ("open: look up a name that no key has", lambda d: os.open(d + "/%61", R), errno.ENOENT),
    ("open: O_NOFOLLOW of a file", lambda d: opened(d + "/f", R | os.O_NOFOLLOW), OK),
    ("open: O_PATH", lambda d: opened(d + "/f", os.O_PATH), OK),
    ("read: a directory", lambda d: read_opened(d + "/e"), errno.EISDIR),
    ("read: what is only open for writing", lambda d: opened(d + "/f", W, lambda fd: os.read(fd, 1)), errno.EBADF),
    ("read: past the end", lambda d: opened(d + "/f", R, lambda fd: same(os.pread(fd, 9, 99), b"")), OK),
    ("write: to what is only open for reading", lambda d: opened(d + "/f", R, lambda fd: os.write(fd, b"x")), errno.EBADF),
    ("write: past 512 KiB", lambda d: opened(d + "/f", W, lambda fd: os.pwrite(fd, b"x", 512 * 1024)), errno.EFBIG, OK,
     "no value is larger"),
    ("write: a hole", lambda d: (opened(d + "/f", W, lambda fd: os.pwrite(fd, b"x", 8)),
                                 same(read_opened(d + "/f"), b"data\0\0\0\0x")), OK),
    ("write: two descriptors of one process", lambda d: opened(d + "/f", os.O_RDWR, lambda a: opened(
        d + "/f", R, lambda b: (os.write(a, b"D"), os.fsync(a), same(os.pread(a, 4, 0), b"Data")))), OK),
    ("lseek: past the end", lambda d: opened(d + "/f", R, lambda fd: same(os.lseek(fd, 99, 0), 99)), OK),
    ("lseek: before the beginning", lambda d: opened(d + "/f", R, lambda fd: os.lseek(fd, -1, 0)), errno.EINVAL),
    ("lseek: SEEK_HOLE", lambda d: opened(d + "/f", R, lambda fd: same(os.lseek(fd, 0, os.SEEK_HOLE), 4)), OK),
    ("truncate: of what is not there", lambda d: os.truncate(d + "/no", 0), errno.ENOENT),
    ("truncate: a directory", lambda d: os.truncate(d + "/e", 0), errno.EISDIR),
    ("truncate: negative", lambda d: os.truncate(d + "/f", -1), errno.EINVAL),
    ("truncate: over 512 KiB", lambda d: os.truncate(d + "/f", 1 << 20), errno.EFBIG, OK, "no value is larger"),
    ("truncate: shorter", lambda d: (os.truncate(d + "/f", 2), same(read_opened(d + "/f"), b"da")), OK),
    ("truncate: longer", lambda d: (os.truncate(d + "/f", 6), same(read_opened(d + "/f"), b"data\0\0")), OK),
    ("ftruncate: of what is only open for reading", lambda d: opened(d + "/f", R, lambda fd: os.ftruncate(fd, 0)), errno.EINVAL),
    ("fallocate", lambda d: opened(d + "/f", W, lambda fd: fallocate(fd, 0, 0, 9)), errno.EOPNOTSUPP, OK,
     "nothing is kept free; posix_fallocate(3) writes instead"),
    ("fsync: a file", lambda d: opened(d + "/f", R, os.fsync), OK),
    ("fsync: a directory", lambda d: opened(d, R, os.fsync), OK),
    ("mkdir: of what is there", lambda d: os.mkdir(d + "/e"), errno.EEXIST),
    ("mkdir: of a file", lambda d: os.mkdir(d + "/f"), errno.EEXIST),
    ("mkdir: below a file", lambda d: os.mkdir(d + "/f/x"), errno.ENOTDIR),
    ("mkdir: below what is not there", lambda d: os.mkdir(d + "/no/x"), errno.ENOENT),
    ("mkdir: a name of 256 bytes", lambda d: os.mkdir(d + "/" + LONG), errno.ENAMETOOLONG),
    ("rmdir: of what is not there", lambda d: os.rmdir(d + "/no"), errno.ENOENT),
    ("rmdir: of a file", lambda d: os.rmdir(d + "/f"), errno.ENOTDIR),
    ("rmdir: of a full directory", lambda d: os.rmdir(d + "/full"), errno.ENOTEMPTY),
    ("rmdir: of .", lambda d: os.rmdir(d + "/e/."), errno.EINVAL),
    ("rmdir: of an empty directory", lambda d: (os.rmdir(d + "/e"), same(os.path.exists(d + "/e"), False)), OK),
    ("unlink: of what is not there", lambda d: os.unlink(d + "/no"), errno.ENOENT),
    ("unlink: of a directory", lambda d: os.unlink(d + "/e"), errno.EISDIR),
    ("unlink: below a file", lambda d: os.unlink(d + "/f/x"), errno.ENOTDIR),
    ("unlink: of an open file, which stays readable", lambda d: opened(d + "/f", R, lambda fd: (
        os.unlink(d + "/f"), same(os.read(fd, 9), b"data"), same(os.path.exists(d + "/f"), False))), OK),
    ("rename: of what is not there", lambda d: os.rename(d + "/no", d + "/x"), errno.ENOENT),
    ("rename: to below what is not there", lambda d: os.rename(d + "/f", d + "/no/x"), errno.ENOENT),
    ("rename: a file onto a directory", lambda d: os.rename(d + "/f", d + "/e"), errno.EISDIR),
    ("rename: a directory onto a file", lambda d: os.rename(d + "/e", d + "/f"), errno.ENOTDIR),
    ("rename: a directory onto a full one", lambda d: os.rename(d + "/e", d + "/full"), errno.ENOTEMPTY),
    ("rename: a directory onto an empty one", lambda d: (os.rename(d + "/full", d + "/e"), same(os.listdir(d + "/e"), ["in"])), OK),
    ("rename: a directory into itself", lambda d: os.rename(d + "/full", d + "/full/x"), errno.EINVAL),
    ("rename: a file onto itself", lambda d: (os.rename(d + "/f", d + "/f"), same(read_opened(d + "/f"), b"data")), OK),
    ("rename: over a file", lambda d: (os.rename(d + "/f", d + "/g"), same(read_opened(d + "/g"), b"data"),
                                       same(os.path.exists(d + "/f"), False)), OK),
    ("rename: to another directory", lambda d: (os.rename(d + "/f", d + "/full/f"), same(read_opened(d + "/full/f"), b"data")), OK),
    ("rename: to a name of 256 bytes", lambda d: os.rename(d + "/f", d + "/" + LONG), errno.ENAMETOOLONG),
    ("rename: NOREPLACE onto a file", lambda d: renameat2(d + "/f", d + "/g", NOREPLACE), errno.EEXIST),
    ("rename: NOREPLACE to a new name", lambda d: (renameat2(d + "/f", d + "/new", NOREPLACE), same(read_opened(d + "/new"), b"data")), OK),
    ("rename: EXCHANGE", lambda d: (renameat2(d + "/f", d + "/g", EXCHANGE), same(read_opened(d + "/f"), b"other"),
                                    same(read_opened(d + "/g"), b"data")), OK),
    ("rename: EXCHANGE with what is not there", lambda d: renameat2(d + "/f", d + "/no", EXCHANGE), errno.ENOENT),
    ("rename: EXCHANGE of a file and a directory", lambda d: renameat2(d + "/f", d + "/e", EXCHANGE), errno.EINVAL, OK,
     "a value and a tree are two kinds of key"),
    ("rename: EXCHANGE and NOREPLACE", lambda d: renameat2(d + "/f", d + "/g", EXCHANGE | NOREPLACE), errno.EINVAL),
    ("rename: to outside", lambda d: os.rename(d + "/f", "/proc/self/x"), errno.EXDEV),
    ("link", lambda d: os.link(d + "/f", d + "/l"), errno.EPERM, OK, "a key has one name"),
    ("symlink", lambda d: os.symlink("f", d + "/l"), errno.EPERM, OK, "a value has no type"),
    ("readlink: of a file", lambda d: os.readlink(d + "/f"), errno.EINVAL),
    ("mkfifo", lambda d: os.mkfifo(d + "/p"), errno.EPERM, OK, "a value has no type"),
    ("mknod: a device", lambda d: os.mknod(d + "/c", stat.S_IFCHR | 0o600, os.makedev(1, 3)), errno.EPERM, OK, "a value has no type"),
    ("mknod: a file", lambda d: (os.mknod(d + "/n", stat.S_IFREG | 0o600), same(os.stat(d + "/n").st_size, 0)), OK),
    ("mknod: of what is there", lambda d: os.mknod(d + "/f", stat.S_IFREG | 0o600), errno.EEXIST),
    ("bind: a socket", lambda d: bind(d + "/s"), errno.EPERM, OK, "a value has no type"),
    ("chmod", lambda d: (os.chmod(d + "/f", 0o600), same(stat.S_IMODE(os.stat(d + "/f").st_mode), 0o644)), OK, AssertionError,
     "accepted and ignored: all keys have one mode"),
    ("chown", lambda d: os.chown(d + "/f", 1, 1), OK),
    ("chmod: of what is not there", lambda d: os.chmod(d + "/no", 0o600), errno.ENOENT),
    ("utimens", lambda d: os.utime(d + "/f", (1, 1)), OK),
    ("access", lambda d: same(os.access(d + "/f", os.R_OK | os.W_OK), True), OK),
    ("getxattr: of others", lambda d: os.getxattr(d + "/f", "user.mine"), errno.EOPNOTSUPP, errno.ENODATA,
     "only user.disco. is kept"),
    ("setxattr: of others", lambda d: os.setxattr(d + "/f", "user.mine", b"x"), errno.EOPNOTSUPP, OK, "only user.disco. is kept"),
    ("fcntl: F_SETLK", lambda d: opened(d + "/f", os.O_RDWR, lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)), errno.ENOLCK, OK,
     "it would hold on this host alone; flock holds everywhere"),
    ("flock", lambda d: opened(d + "/f", R, lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)), OK),
    ("mmap: private", lambda d: opened(d + "/f", R, lambda fd: same(mmap.mmap(fd, 4, mmap.MAP_PRIVATE, mmap.PROT_READ)[:], b"data")), OK),
    ("mmap: shared, to read", lambda d: opened(d + "/f", R, lambda fd: same(mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ)[:], b"data")), OK),
    ("mmap: shared, to write", lambda d: opened(d + "/f", os.O_RDWR, lambda fd: mmap.mmap(fd, 4)), errno.ENODEV, OK,
     "a store to memory cannot be refused or committed"),
    ("listdir: of a file", lambda d: os.listdir(d + "/f"), errno.ENOTDIR),
    ("listdir", lambda d: same(sorted(os.listdir(d)), ["e", "f", "full", "g"]), OK),
    ("stat: size, kind, links", lambda d: (same(os.stat(d + "/f").st_size, 4), same(stat.S_ISREG(os.stat(d + "/f").st_mode), True),
                                          same(os.stat(d + "/f").st_nlink, 1)), OK),
    ("stat: inode numbers stay", lambda d: same(os.stat(d + "/f").st_ino, opened(d + "/f", R, lambda fd: os.fstat(fd).st_ino)), OK),
    ("statvfs", lambda d: (same(os.statvfs(d).f_namemax, 255), same(os.statvfs(d).f_files > os.statvfs(d).f_ffree, True)), OK),
    ("copy_file_range", lambda d: opened(d + "/f", R, lambda a: opened(d + "/copy", W | C, lambda b: (
        os.copy_file_range(a, b, 4) if hasattr(os, "copy_file_range") else os.write(b, os.read(a, 4)))) or same(read_opened(d + "/copy"), b"data")), OK),
    ("append: two descriptors in turn", lambda d: opened(d + "/f", W | os.O_APPEND, lambda a: opened(d + "/f", W | os.O_APPEND, lambda b: (
        os.write(a, b"1"), os.fsync(a), os.write(b, b"2"), os.fsync(b), os.write(a, b"3"), os.fsync(a),
        same(read_opened(d + "/f"), b"data123")))), OK),
    ("write: onto what has changed since it was opened", lambda d: opened(d + "/f", W, lambda a: (
        put(d + "/f", b"newer"), os.pwrite(a, b"x", 0), os.fsync(a))), errno.ESTALE, OK, "nobody's write is lost unseen"),
    ("write: an empty one", lambda d: opened(d + "/f", W, lambda fd: same(os.write(fd, b""), 0)), OK),
    ("pwritev, preadv", lambda d: opened(d + "/f", os.O_RDWR, lambda fd: (
        same(os.pwritev(fd, [b"ab", b"c"], 1), 3), same(os.preadv(fd, [bytearray(2), bytearray(9)], 0), 4))), OK),
    ("ioctl: an unknown one", lambda d: opened(d + "/f", R, lambda fd: fcntl.ioctl(fd, 0x12345678)), errno.ENOTTY),
    ("ioctl: FIONREAD of a directory", lambda d: opened(d, R, lambda fd: fcntl.ioctl(fd, 0x5413)), errno.ENOTTY),
    ("poll: a file is ready", lambda d: opened(d + "/f", R, lambda fd: same(select.select([fd], [], [], 5)[0], [fd])), OK),
    ("fadvise, readahead", lambda d: opened(d + "/f", R, lambda fd: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)), OK),
    ("fdatasync", lambda d: opened(d + "/f", W, lambda fd: (os.write(fd, b"D"), os.fdatasync(fd))), OK),
    ("sync_file_range, syncfs", lambda d: opened(d + "/f", W, lambda fd: same(libc.syncfs(fd), 0)), OK),
    ("posix_fallocate within the file", lambda d: opened(d + "/f", os.O_RDWR, lambda fd: os.posix_fallocate(fd, 0, 2)), OK),
    ("fallocate: a hole", lambda d: opened(d + "/f", W, lambda fd: fallocate(fd, 3, 0, 2)), errno.EOPNOTSUPP, OK, "there are no holes"),
    ("listxattr: of what is not there", lambda d: os.listxattr(d + "/no"), errno.ENOENT),
    ("getxattr: of what is not there", lambda d: os.getxattr(d + "/no", "user.x"), errno.ENOENT),
    ("chmod: of what is not there", lambda d: os.chmod(d + "/no", 0o600), errno.ENOENT),
    ("chown: of what is not there", lambda d: os.chown(d + "/no", 0, 0), errno.ENOENT),
    ("utimens: of what is not there", lambda d: os.utime(d + "/no"), errno.ENOENT),
    ("access: of what is not there", lambda d: same(os.access(d + "/no", os.F_OK), False), OK),
    ("chdir: to a file", lambda d: os.chdir(d + "/f"), errno.ENOTDIR),
    ("opendir: of what is not there", lambda d: os.listdir(d + "/no"), errno.ENOENT),
    ("readdir: again from the start", lambda d: opened(d, R, lambda fd: same(sorted(os.listdir(fd)), sorted(os.listdir(fd)))), OK),
    ("in a directory that was removed: open", lambda d: opened(d + "/e", R, lambda fd: (
        os.rmdir(d + "/e"), os.open("x", W | C, dir_fd=fd))), errno.ENOENT),
    ("in a directory that was removed: mkdir", lambda d: opened(d + "/e", R, lambda fd: (
        os.rmdir(d + "/e"), os.mkdir("x", dir_fd=fd))), errno.ENOENT),
    ("mknod: a regular file", lambda d: (os.mknod(d + "/n", 0o600 | stat.S_IFREG), same(os.stat(d + "/n").st_size, 0)), OK),
    ("mknod: of what is there", lambda d: os.mknod(d + "/f", 0o600 | stat.S_IFREG), errno.EEXIST),
    ("mount, chroot: pivot onto a file", lambda d: os.chroot(d + "/f"), errno.ENOTDIR),
    ("execve", lambda d: os.execv(d + "/f", ["f"]), errno.EACCES),
    ("truncate: while it is mapped", lambda d: opened(d + "/f", R, lambda fd: (
        mmap.mmap(fd, 4, prot=mmap.PROT_READ), put(d + "/f", b"")))[0] and None, OK),
    ("mmap: private, to write", lambda d: opened(d + "/f", R, lambda fd: mmap.mmap(
        fd, 4, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE).write(b"xx")), OK),
    ("services: to write", lambda d: os.open(d + "/../../services/new", W | C), errno.EROFS, errno.ENOENT, "a view of the catalog"),
    ("services: mkdir", lambda d: os.mkdir(d + "/../../nodes/new"), errno.EROFS, errno.ENOENT, "a view of the catalog"),
    ("status: unlink", lambda d: os.unlink(d + "/../../status/leader"), errno.EROFS, errno.ENOENT, "a view of the agent"),
    ("rename: out of kv", lambda d: os.rename(d + "/f", d + "/../../services/f"), errno.EROFS, errno.ENOENT, "a view of the catalog"),
    ("sendfile", lambda d: opened(d + "/f", R, lambda a: opened(d + "/sent", W | C | T, lambda b: os.sendfile(b, a, 0, 4))), OK),
]


def run(function, directory):
    """Returns 0, an errno, or AssertionError."""
    os.mkdir(directory)
    put(directory + "/f", b"data")
    put(directory + "/g", b"other")
    os.mkdir(directory + "/e")
    os.mkdir(directory + "/full")
    put(directory + "/full/in")
    try:
        function(directory)
        return 0, ""
    except OSError as e:
        return e.errno, os.strerror(e.errno)
    except AssertionError as e:
        return AssertionError, str(e)


def name(error):
    return "ok" if error == 0 else errno.errorcode.get(error, "?") if isinstance(error, int) else "another result"


def main():
    mount, other = sys.argv[1:3]
    failed = 0
    print("1..%d" % len(ROWS))
    for n, (what, function, wanted, *differs) in enumerate(ROWS, 1):
        got, text = run(function, "%s/row%d" % (mount, n))
        there, there_text = run(function, "%s/row%d" % (other, n))
        good = got == wanted and there == (differs[0] if differs else wanted)
        failed += not good
        print("%s %d - %s: %s%s" % ("ok" if good else "not ok", n, what, name(wanted),
                                     " (elsewhere %s: %s)" % (name(differs[0]), differs[1]) if differs else ""))
        if not good:
            print("# on the mount: %s %s; elsewhere: %s %s" % (name(got), text, name(there), there_text))
    sys.exit(failed > 0)


main()
