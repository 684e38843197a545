/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A health check as it is registered (consul: structs.HealthCheck, HealthCheckDefinition). */
#include "config.h"

#include "api/api_catalog.h"
#include "base/jread.h"

enum member {
    MEMBER_TEXT,
    MEMBER_BOOL,
    MEMBER_NUMBER,
    MEMBER_DURATION,
    MEMBER_TEXTS,
    MEMBER_HEADER
};

/* In the order in which they are printed, each only when it is not its type's zero. */
static const struct {
    const char *name;
    enum member type;
} members[] = {
    {"Interval", MEMBER_DURATION},
    {"OutputMaxSize", MEMBER_NUMBER},
    {"Timeout", MEMBER_DURATION},
    {"DeregisterCriticalServiceAfter", MEMBER_DURATION},
    {"HTTP", MEMBER_TEXT},
    {"TLSServerName", MEMBER_TEXT},
    {"TLSSkipVerify", MEMBER_BOOL},
    {"Header", MEMBER_HEADER},
    {"Method", MEMBER_TEXT},
    {"Body", MEMBER_TEXT},
    {"TCP", MEMBER_TEXT},
    {"ScriptArgs", MEMBER_TEXTS},
    {"DockerContainerID", MEMBER_TEXT},
    {"Shell", MEMBER_TEXT},
    {"GRPC", MEMBER_TEXT},
    {"GRPCUseTLS", MEMBER_BOOL},
    {"AliasNode", MEMBER_TEXT},
    {"AliasService", MEMBER_TEXT},
    {"TTL", MEMBER_DURATION},
};
#define MEMBERS (sizeof members / sizeof members[0])

static bool put_texts(struct jwrite *w, const struct jvalue *list)
{
    if (jread_type(list) != JREAD_ARRAY)
        return false;
    jwrite_array(w);
    for (size_t i = 0; i < jread_count(list); i++) {
        struct str text = STR_LIT("");
        if (jread_str(jread_at(list, i), &text) < 0)
            return false;
        jwrite_str(w, text);
    }
    jwrite_close(w);
    return true;
}

static bool put_header(struct jwrite *w, const struct jvalue *map)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;

    if (jread_type(map) != JREAD_OBJECT)
        return false;
    jwrite_object(w);
    while (jread_next(map, &pos, &name, &value)) {
        jwrite_name_str(w, name);
        if (!put_texts(w, value))
            return false;
    }
    jwrite_close(w);
    return true;
}

static bool put_duration(struct jwrite *w, const char *name, const struct jvalue *v)
{
    struct duration d = {0};
    struct buf text;

    if (jread_duration(v, &d) < 0)
        return false;
    if (d.ns == 0)
        return true;
    buf_init(&text, 0);
    duration_format(d, &text);
    jwrite_name(w, name);
    jwrite_str(w, buf_str(&text));
    buf_fini(&text);
    return true;
}

/* False when the value is not of the member's type. */
static bool put_member(struct jwrite *w, const char *name, enum member type, const struct jvalue *v)
{
    struct str text = STR_NONE;
    uint64_t number = 0;
    bool flag = false;

    switch (type) {
    case MEMBER_DURATION:
        return put_duration(w, name, v);
    case MEMBER_TEXT:
        if (jread_str(v, &text) < 0)
            return false;
        if (text.n) {
            jwrite_name(w, name);
            jwrite_str(w, text);
        }
        return true;
    case MEMBER_BOOL:
        if (jread_bool(v, &flag) < 0)
            return false;
        if (flag) {
            jwrite_name(w, name);
            jwrite_bool(w, true);
        }
        return true;
    case MEMBER_NUMBER:
        if (jread_u64(v, &number) < 0)
            return false;
        if (number) {
            jwrite_name(w, name);
            jwrite_u64(w, number);
        }
        return true;
    case MEMBER_TEXTS:
    case MEMBER_HEADER:
        if (jread_count(v) == 0)
            return true;
        jwrite_name(w, name);
        return type == MEMBER_TEXTS ? put_texts(w, v) : put_header(w, v);
    }
    return false;
}

/* A check of a kind that needs it has an interval or a TTL that is not zero. */
static bool is_set(const struct jvalue *definition, const char *name, bool needs_interval)
{
    const struct jvalue *v = jread_get(definition, name);
    struct duration d = {0};
    struct str text = STR_NONE;

    if (needs_interval && (jread_duration(jread_get(definition, "Interval"), &d) < 0 || d.ns <= 0))
        return false;
    if (jread_type(v) == JREAD_ARRAY)
        return jread_count(v) > 0;
    return jread_str(v, &text) == 0 && text.n > 0;
}

/* structs.CheckType.Type() */
static const char *type_of(const struct jvalue *definition)
{
    struct duration ttl = {0};

    if (is_set(definition, "GRPC", true))
        return "grpc";
    if (is_set(definition, "HTTP", true))
        return "http";
    if (jread_duration(jread_get(definition, "TTL"), &ttl) == 0 && ttl.ns > 0)
        return "ttl";
    if (is_set(definition, "TCP", true))
        return "tcp";
    if (is_set(definition, "AliasNode", false) || is_set(definition, "AliasService", false))
        return "alias";
    if (is_set(definition, "DockerContainerID", true) && is_set(definition, "ScriptArgs", true))
        return "docker";
    if (is_set(definition, "ScriptArgs", true))
        return "script";
    return "";
}

static bool take_definition(struct api_call *c, const struct jvalue *v, struct str *ret)
{
    struct jwrite w;
    struct buf out;

    if (jread_type(v) != JREAD_NULL && jread_type(v) != JREAD_OBJECT)
        return api_fail(c, 400,
                        "Request decode failed: json: cannot unmarshal into the definition "
                        "of a check");
    buf_init(&out, 0);
    jwrite_init(&w, &out, false);
    jwrite_object(&w);
    for (size_t i = 0; i < MEMBERS; i++) {
        if (put_member(&w, members[i].name, members[i].type, jread_get(v, members[i].name)))
            continue;
        buf_fini(&out);
        return api_fail(c, 400,
                        "Request decode failed: json: cannot unmarshal into Go struct field "
                        "HealthCheckDefinition.%s",
                        members[i].name);
    }
    jwrite_close(&w);
    jwrite_end(&w);
    *ret = api_keep(c, buf_str(&out));
    buf_fini(&out);
    return true;
}

bool api_catalog_take_check(struct api_call *c, const struct jvalue *v, struct health_check *ret)
{
    const struct {
        const char *name;
        struct str *text;
    } texts[] = {
        {"Node", &ret->node},
        {"CheckID", &ret->check_id},
        {"Name", &ret->name},
        {"Status", &ret->status},
        {"Notes", &ret->notes},
        {"Output", &ret->output},
        {"ServiceID", &ret->service_id},
        {"ServiceName", &ret->service_name},
        {"Type", &ret->type},
    };
    const struct jvalue *definition = jread_get(v, "Definition");

    if (jread_type(v) != JREAD_OBJECT)
        return api_fail(c, 400,
                        "Request decode failed: json: cannot unmarshal into Go value of "
                        "type structs.HealthCheck");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (jread_str(jread_get(v, texts[i].name), texts[i].text) < 0)
            return api_fail(c, 400,
                            "Request decode failed: json: cannot unmarshal into Go struct field "
                            "HealthCheck.%s of type string",
                            texts[i].name);
    if (!take_definition(c, definition, &ret->definition_json))
        return false;
    if (ret->type.n == 0)
        ret->type = str_z(type_of(definition));
    if (ret->check_id.n == 0)
        ret->check_id = ret->name;
    return true;
}
