/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members are those of consul's agent/debug/host.go, of which these are told: what the kernel says
 * in a few files and calls that do not block.
 */
#include "config.h"

#include "api/api_host.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_SIZE_MAX ((size_t)64 * 1024)

static void put_text(struct jwrite *w, const char *name, struct str text)
{
    jwrite_name(w, name);
    jwrite_str(w, text);
}

static void put_u64(struct jwrite *w, const char *name, uint64_t value)
{
    jwrite_name(w, name);
    jwrite_u64(w, value);
}

/* What stands behind "key :" in the first line that begins so; STR_NONE when none does. */
static struct str field(struct str text, const char *key)
{
    while (text.p) {
        struct str value = str_split(&text, '\n'), name = str_split(&value, ':');

        if (str_eq_z(str_trim(name), key))
            return str_trim(value);
    }
    return STR_NONE;
}

/* The beginning of a file of /proc or /etc, in the call's arena; empty when it cannot be read. */
static struct str read_file(struct api_call *c, const char *path)
{
    char *bytes = arena_alloc(&c->arena, FILE_SIZE_MAX);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(bytes, 1, FILE_SIZE_MAX, f) : 0;

    if (f)
        (void)fclose(f);
    return str_make(bytes, n);
}

/* /proc/meminfo tells kibibytes. */
static uint64_t memory_of(struct str meminfo, const char *key)
{
    struct str value = field(meminfo, key);
    uint64_t n = 0;

    return str_to_u64(str_split(&value, ' '), &n) == 0 ? n * 1024 : 0;
}

static void put_memory(struct api_call *c, struct jwrite *w)
{
    struct str meminfo = read_file(c, "/proc/meminfo");
    uint64_t total = memory_of(meminfo, "MemTotal"), left = memory_of(meminfo, "MemAvailable");

    jwrite_name(w, "Memory");
    jwrite_object(w);
    put_u64(w, "total", total);
    put_u64(w, "available", left);
    put_u64(w, "used", total > left ? total - left : 0);
    put_u64(w, "free", memory_of(meminfo, "MemFree"));
    put_u64(w, "active", memory_of(meminfo, "Active"));
    put_u64(w, "inactive", memory_of(meminfo, "Inactive"));
    put_u64(w, "buffers", memory_of(meminfo, "Buffers"));
    put_u64(w, "cached", memory_of(meminfo, "Cached"));
    put_u64(w, "swapTotal", memory_of(meminfo, "SwapTotal"));
    put_u64(w, "swapFree", memory_of(meminfo, "SwapFree"));
    jwrite_close(w);
}

static void put_cpus(struct api_call *c, struct jwrite *w)
{
    struct str cpuinfo = read_file(c, "/proc/cpuinfo");
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    jwrite_name(w, "CPU");
    jwrite_array(w);
    for (long i = 0; i < n; i++) {
        jwrite_object(w);
        put_u64(w, "cpu", (uint64_t)i);
        put_text(w, "vendorId", field(cpuinfo, "vendor_id"));
        put_text(w, "modelName", field(cpuinfo, "model name"));
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_host(struct api_call *c, struct jwrite *w, int64_t wall_ns)
{
    struct sysinfo info = {0};
    struct utsname names = {0};
    struct str release = read_file(c, "/etc/os-release"), id = STR_NONE;

    (void)sysinfo(&info);
    (void)uname(&names);
    while (release.p && !id.p) {
        struct str line = str_split(&release, '\n');

        if (str_has_prefix(line, STR_LIT("ID=")))
            id = str_drop(line, 3);
    }
    jwrite_name(w, "Host");
    jwrite_object(w);
    put_text(w, "hostname", str_z(names.nodename));
    put_u64(w, "uptime", (uint64_t)info.uptime);
    put_u64(w, "bootTime", (uint64_t)(wall_ns / 1000000000 - info.uptime));
    put_u64(w, "procs", info.procs);
    put_text(w, "os", STR_LIT("linux"));
    put_text(w, "platform", id);
    put_text(w, "kernelVersion", str_z(names.release));
    put_text(w, "kernelArch", str_z(names.machine));
    jwrite_close(w);
}

static void put_disk(struct api_call *c, struct jwrite *w)
{
    const char *path = c->env->config->data_dir ? c->env->config->data_dir : "/";
    struct statvfs fs = {0};

    (void)statvfs(path, &fs);
    jwrite_name(w, "Disk");
    jwrite_object(w);
    put_text(w, "path", str_z(path));
    put_u64(w, "total", (uint64_t)fs.f_blocks * fs.f_frsize);
    put_u64(w, "free", (uint64_t)fs.f_bavail * fs.f_frsize);
    put_u64(w, "used", (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize);
    put_u64(w, "inodesTotal", fs.f_files);
    put_u64(w, "inodesFree", fs.f_ffree);
    jwrite_close(w);
}

void api_host_tell(struct api_call *c)
{
    int64_t now = clock_wall_ns();
    struct jwrite w = api_json(c);

    jwrite_object(&w);
    put_memory(c, &w);
    put_cpus(c, &w);
    put_host(c, &w, now);
    put_disk(c, &w);
    jwrite_name(&w, "CollectionTime");
    jwrite_i64(&w, now);
    jwrite_name(&w, "Errors");
    jwrite_null(&w);
    jwrite_close(&w);
    jwrite_end(&w);
}

/* consul: agent/version.BuildInfo; the program's own version, as `disco version` has it. */
void api_host_version(struct api_call *c)
{
    struct jwrite w = api_json(c);

    jwrite_object(&w);
    put_text(&w, "SHA", STR_LIT(""));
    put_text(&w, "BuildDate",
             STR_LIT("1970-01-01T00:00:00Z")); /* builds are the same at any time */
    put_text(&w, "HumanVersion", STR_LIT(DISCO_VERSION));
    put_text(&w, "FIPS", STR_LIT(""));
    jwrite_close(&w);
    jwrite_end(&w);
}
