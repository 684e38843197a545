/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/datadir.h"
#include "base/encode.h"
#include "tests/lib/unit.h"

static void remove_files(const char *base)
{
    const char *const names[] = {"d/lock", "d/node-id", "d"};
    char path[256];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", base, names[i]);
        remove(path);
    }
    assert_int_equal(rmdir(base), 0);
}

/* One holder at a time; the id is made once and kept; a configured one takes its place. */
static void holds_the_directory(void **state)
{
    char base[] = "/tmp/disco-test-datadir.XXXXXX", path[256], first[37], id[37];
    struct config *c = config_new();
    struct datadir d, other;
    struct error err = {0};
    assert_non_null(mkdtemp(base));
    snprintf(path, sizeof path, "%s/d", base);
    c->data_dir = path;
    assert_int_equal(datadir_open(c, &d, &err), 0);
    assert_int_equal(datadir_open(c, &other, &err), ERR_BUSY);
    assert_true(str_search(str_z(err.text), str_z(path)) < strlen(err.text));
    assert_int_equal(datadir_node_id(&d, NULL, first, &err), 0);
    assert_true(encode_is_uuid(str_z(first)));
    assert_int_equal(datadir_node_id(&d, NULL, id, &err), 0);
    assert_string_equal(id, first);
    const char *mine = "11111111-2222-3333-4444-555555555555";
    assert_int_equal(datadir_node_id(&d, mine, id, &err), 0);
    assert_string_equal(id, mine);
    assert_false(datadir_has_log(&d));
    datadir_close(&d);
    assert_int_equal(datadir_open(c, &d, &err), 0);
    assert_int_equal(datadir_node_id(&d, NULL, id, &err), 0);
    assert_string_equal(id, mine);
    datadir_close(&d);
    c->data_dir = "/proc/self/status/x";
    assert_true(datadir_open(c, &d, &err) < 0);
    c->data_dir = NULL;
    config_free(c);
    remove_files(base);
}

/* Without a directory there is a private one, which is gone afterwards; one that a killed agent
 * left is swept. */
static void private_directory_goes(void **state)
{
    char base[] = "/tmp/disco-test-datadir.XXXXXX", stale[256], lock[300], id[37], *kept;
    struct config *c = config_new();
    struct datadir d;
    struct stat st;
    assert_non_null(mkdtemp(base));
    setenv("XDG_RUNTIME_DIR", base, 1);
    snprintf(stale, sizeof stale, "%s/disco-dev.stale1", base);
    snprintf(lock, sizeof lock, "%s/lock", stale);
    assert_int_equal(mkdir(stale, 0700), 0);
    FILE *f = fopen(lock, "w");
    fclose(f);
    assert_int_equal(datadir_open(c, &d, NULL), 0);
    assert_int_equal(datadir_node_id(&d, NULL, id, NULL), 0);
    assert_int_not_equal(stat(stale, &st), 0);
    kept = mem_dup_z(d.path);
    assert_int_equal(stat(kept, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    datadir_close(&d);
    assert_int_not_equal(stat(kept, &st), 0);
    mem_free(kept);
    config_free(c);
    assert_int_equal(rmdir(base), 0);
}

UNIT_MAIN(UNIT(holds_the_directory), UNIT(private_directory_goes))
