/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_errno.h"

#include <errno.h>

#include "base/error.h"

int fs_errno_of(int status)
{
    switch (status) {
    case 0:
        return 0;
    case ERR_NOT_LEADER:
    case ERR_NO_LEADER:
    case ERR_TIMEOUT:
        return ETIMEDOUT;
    case ERR_NOT_FOUND:
        return ENOENT;
    case ERR_CONFLICT:
        return ESTALE;
    case ERR_DENIED:
    case ERR_NO_TOKEN:
        return EACCES;
    case ERR_INVALID:
        return EINVAL;
    case ERR_TOO_LARGE:
        return EFBIG;
    case ERR_BUSY:
        return EAGAIN;
    case ERR_UNSUPPORTED:
        return ENOSYS;
    case ERR_EXISTS:
        return EEXIST;
    case ERR_CLOSED:
    case ERR_CANCELED:
        return ESHUTDOWN;
    default:
        return status > -10000 ? -status : EIO;
    }
}
