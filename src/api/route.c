/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of a path stand together, in the order in which Allow names their methods; a path stands
 * before those that are its prefix (tests/unit/test_route.c holds the table to that), so the
 * first that fits is the longest. What is asked most stands first.
 */
#include "config.h"

#include "api/route.h"

#include "api/api_acl.h"
#include "api/api_agent.h"
#include "api/api_autopilot.h"
#include "api/api_catalog.h"
#include "api/api_cluster.h"
#include "api/api_coordinate.h"
#include "api/api_event.h"
#include "api/api_health.h"
#include "api/api_host.h"
#include "api/api_keyring.h"
#include "api/api_kv.h"
#include "api/api_local.h"
#include "api/api_operator.h"
#include "api/api_query.h"
#include "api/api_session.h"
#include "api/api_snapshot.h"
#include "api/api_status.h"
#include "api/api_txn.h"
#include "api/api_ui.h"

#define CATALOG (API_USUAL | API_META_ERROR | API_CONSISTENCY)
#define ACL     (API_USUAL | API_META_ERROR)
/* clang-format off */
static const struct api_route table[] = {
    {API_GET, "/v1/kv/", API_READ, API_USUAL, .check = api_kv_check_get, .view = api_kv_get},
    {API_PUT, "/v1/kv/", API_WRITE, API_USUAL, .prepare = api_kv_put, .finish = api_kv_finish},
    {API_DELETE, "/v1/kv/", API_WRITE, API_USUAL, .prepare = api_kv_delete, .finish = api_kv_finish},

    {API_GET, "/v1/health/service/", API_READ, API_USUAL | API_CONSISTENCY | API_CACHED, .check = api_health_check_service, .view = api_health_service},
    {API_GET, "/v1/health/checks/", API_READ, CATALOG, .check = api_health_check_checks, .view = api_health_checks},
    {API_GET, "/v1/health/node/", API_READ, CATALOG, .check = api_health_check_node, .view = api_health_node},
    {API_GET, "/v1/health/state/", API_READ, CATALOG, .check = api_health_check_state, .view = api_health_state},

    {API_PUT, "/v1/catalog/register", API_WRITE, API_NS, .prepare = api_catalog_register},
    {API_PUT, "/v1/catalog/deregister", API_WRITE, API_NS, .prepare = api_catalog_deregister},
    {API_GET, "/v1/catalog/datacenters", API_CORE, API_SERVER | API_CACHED, API_RIGHT_OPEN, .core = api_cluster_datacenters},
    {API_GET, "/v1/catalog/nodes", API_READ, CATALOG, .check = api_catalog_check_nodes, .view = api_catalog_nodes},
    {API_GET, "/v1/catalog/services", API_READ, CATALOG | API_CACHED, .view = api_catalog_services},
    {API_GET, "/v1/internal/ui/services", API_READ, CATALOG, .view = api_ui_services},
    {API_GET, "/v1/catalog/service/", API_READ, CATALOG | API_CACHED, .check = api_catalog_check_service, .view = api_catalog_service},
    {API_GET, "/v1/catalog/node-services/", API_READ, CATALOG, .check = api_catalog_check_node, .view = api_catalog_node_services},
    {API_GET, "/v1/catalog/node/", API_READ, CATALOG, .check = api_catalog_check_node, .view = api_catalog_node},

    {API_PUT, "/v1/txn", API_WRITE, API_USUAL | API_NO_INDEX, .check = api_txn_check, .view = api_txn_read,
     .prepare = api_txn_prepare, .finish = api_txn_finish},

    {API_PUT, "/v1/session/create", API_WRITE, API_DC | API_NS, .prepare = api_session_create, .finish = api_session_created},
    {API_PUT, "/v1/session/destroy/", API_WRITE, API_DC | API_NS, .check = api_session_check_id, .prepare = api_session_destroy},
    {API_PUT, "/v1/session/renew/", API_CORE, API_DC | API_NS | API_NO_META | API_LEADER, API_RIGHT_TOKEN, .check = api_session_check_id,
     .core = api_session_renew, .view = api_session_renewed},
    {API_GET, "/v1/session/info/", API_READ, API_USUAL | API_META_ERROR, .check = api_session_check_id, .view = api_session_info},
    {API_GET, "/v1/session/node/", API_READ, API_USUAL | API_META_ERROR, .check = api_session_check_node, .view = api_session_node},
    {API_GET, "/v1/session/list", API_READ, API_USUAL | API_META_ERROR, .view = api_session_list},

    {API_GET, "/v1/query/", API_READ, CATALOG | API_META_ERROR | API_CACHED, API_RIGHT_STATE, .methods = api_query_methods,
     .check = api_query_check, .view = api_query_read, .go_on = api_query_go_on},
    {API_PUT, "/v1/query/", API_WRITE, API_DC | API_NS, API_RIGHT_STATE, .methods = api_query_methods, .check = api_query_check,
     .prepare = api_query_update, .finish = api_query_done},
    {API_DELETE, "/v1/query/", API_WRITE, API_DC | API_NS, API_RIGHT_STATE, .methods = api_query_methods, .check = api_query_check,
     .prepare = api_query_delete, .finish = api_query_done},
    {API_GET, "/v1/query", API_READ, API_USUAL | API_META_ERROR | API_CONSISTENCY, API_RIGHT_STATE, .view = api_query_list},
    {API_POST, "/v1/query", API_WRITE, API_DC | API_NS, API_RIGHT_STATE, .prepare = api_query_create, .finish = api_query_created},

    {API_PUT, "/v1/event/fire/", API_CORE, API_DC, API_RIGHT_OPEN, .check = api_event_check_fire, .core = api_event_fire},
    {API_GET, "/v1/event/list", API_READ, API_QUERY | API_OWN | API_NO_META, API_RIGHT_STATE, .check = api_event_check_list,
     .view = api_event_list},

    {API_GET, "/v1/snapshot", API_READ, API_QUERY | API_DC, API_RIGHT_MANAGEMENT, .view = api_snapshot_save,
     .go_on = api_snapshot_pack},
    {API_PUT, "/v1/snapshot", API_WRITE, API_DC, API_RIGHT_MANAGEMENT, .prepare = api_snapshot_restore,
     .finish = api_snapshot_restored},

    {API_GET, "/v1/coordinate/datacenters", API_CORE, API_SERVER, API_RIGHT_TOKEN, .check = api_coordinate_check, .core = api_coordinate_datacenters},
    {API_GET, "/v1/coordinate/nodes", API_READ, API_USUAL | API_META_ERROR, .check = api_coordinate_check, .view = api_coordinate_nodes},
    {API_GET, "/v1/coordinate/node/", API_READ, API_USUAL, .check = api_coordinate_check, .view = api_coordinate_node},
    {API_PUT, "/v1/coordinate/update", API_WRITE, API_DC, .check = api_coordinate_check, .prepare = api_coordinate_update,
     .finish = api_coordinate_updated},

    {API_GET, "/v1/status/leader", API_CORE, API_QUERY | API_DC | API_SERVER, API_RIGHT_OPEN, .core = api_status_leader},
    {API_GET, "/v1/status/peers", API_CORE, API_QUERY | API_DC | API_SERVER, API_RIGHT_OPEN, .core = api_status_peers},

    {API_GET, "/v1/agent/self", API_CORE, 0, API_RIGHT_AGENT_READ, .core = api_agent_self},
    {API_GET, "/v1/agent/members", API_CORE, 0, API_RIGHT_TOKEN, .check = api_agent_check_members,
     .core = api_agent_members},
    {API_GET, "/v1/agent/version", API_LOCAL, 0, API_RIGHT_AGENT_READ, .local = api_host_version},
    {API_GET, "/v1/agent/host", API_LOCAL, 0, API_RIGHT_OPERATOR_READ, .local = api_host_tell},
    {API_GET, "/v1/agent/metrics", API_CORE, 0, API_RIGHT_AGENT_READ, .check = api_agent_check_metrics,
     .core = api_agent_metrics},
    {API_GET, "/v1/agent/monitor", API_LOCAL, 0, API_RIGHT_AGENT_READ, .local = api_agent_monitor},
    {API_PUT, "/v1/agent/reload", API_CORE, 0, API_RIGHT_AGENT_WRITE, .core = api_agent_reload},
    {API_PUT, "/v1/agent/join/", API_CORE, 0, API_RIGHT_AGENT_WRITE, .core = api_cluster_join},
    {API_PUT, "/v1/agent/leave", API_CORE, 0, API_RIGHT_AGENT_WRITE, .core = api_cluster_leave},
    {API_PUT, "/v1/agent/force-leave/", API_CORE, 0, API_RIGHT_OPERATOR_WRITE, .core = api_cluster_force_leave},
    {API_PUT, "/v1/agent/token/", API_CORE, 0, API_RIGHT_AGENT_WRITE, .check = api_acl_check, .core = api_acl_agent_token},

    {API_GET, "/v1/operator/raft/configuration", API_CORE, API_QUERY | API_DC | API_SERVER | API_NO_META, API_RIGHT_OPERATOR_READ,
     .core = api_operator_configuration, .view = api_operator_render},
    {API_DELETE, "/v1/operator/raft/peer", API_CORE, API_DC | API_LEADER, API_RIGHT_OPERATOR_WRITE, .check = api_operator_check_peer,
     .core = api_operator_remove_peer},
    {API_POST, "/v1/operator/raft/transfer-leader", API_CORE, API_DC | API_LEADER, API_RIGHT_OPERATOR_WRITE, .core = api_operator_transfer},
    {API_GET, "/v1/operator/autopilot/configuration", API_READ, API_SAYS_RIGHT | API_DC | API_NO_META, API_RIGHT_OPERATOR_READ, .view = api_autopilot_get},
    {API_PUT, "/v1/operator/autopilot/configuration", API_WRITE, API_SAYS_RIGHT | API_DC, API_RIGHT_OPERATOR_WRITE, .prepare = api_autopilot_set,
     .finish = api_autopilot_done},
    {API_GET, "/v1/operator/autopilot/health", API_CORE, API_SAYS_RIGHT | API_DC | API_LEADER, API_RIGHT_OPERATOR_READ, .core = api_autopilot_health},
    {API_GET, "/v1/operator/autopilot/state", API_CORE, API_SAYS_RIGHT | API_DC | API_LEADER, API_RIGHT_OPERATOR_READ, .core = api_autopilot_state},
    {API_GET, "/v1/operator/keyring", API_CORE, API_SERVER, API_RIGHT_KEYRING_READ, .check = api_keyring_check, .core = api_keyring},
    {API_POST, "/v1/operator/keyring", API_CORE, API_SERVER, API_RIGHT_KEYRING_WRITE, .check = api_keyring_check, .core = api_keyring},
    {API_PUT, "/v1/operator/keyring", API_CORE, API_SERVER, API_RIGHT_KEYRING_WRITE, .check = api_keyring_check, .core = api_keyring},
    {API_DELETE, "/v1/operator/keyring", API_CORE, API_SERVER, API_RIGHT_KEYRING_WRITE, .check = api_keyring_check, .core = api_keyring},

    {API_PUT, "/v1/acl/bootstrap", API_WRITE, API_DC, .check = api_acl_check, .prepare = api_acl_bootstrap, .finish = api_acl_bootstrapped},
    {API_GET, "/v1/acl/replication", API_LOCAL, API_DC, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_replication},
    {API_PUT, "/v1/acl/create", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_PUT, "/v1/acl/update", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_PUT, "/v1/acl/destroy/", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_GET, "/v1/acl/info/", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_PUT, "/v1/acl/clone/", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_GET, "/v1/acl/list", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_legacy},
    {API_POST, "/v1/acl/login", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_login},
    {API_POST, "/v1/acl/logout", API_LOCAL, 0, API_RIGHT_OPEN, .check = api_acl_check, .local = api_acl_login},
    {API_POST, "/v1/acl/rules/translate", API_READ, API_NO_META, .check = api_acl_check_translate, .view = api_acl_translate},
    {API_POST, "/v1/internal/acl/authorize", API_READ, API_DC | API_NO_META, .check = api_acl_check_authorize, .view = api_acl_authorize},
    {API_GET, "/v1/acl/tokens", API_READ, ACL, .check = api_acl_check, .view = api_acl_tokens},
    {API_GET, "/v1/acl/token/self", API_READ, ACL | API_ANY_TOKEN, .check = api_acl_check, .view = api_acl_token_self},
    {API_GET, "/v1/acl/token/", API_READ, ACL, .check = api_acl_check_token, .view = api_acl_token_get},
    {API_PUT, "/v1/acl/token/", API_WRITE, API_DC | API_NS, .check = api_acl_check_token, .prepare = api_acl_token_update, .finish = api_acl_token_finish},
    {API_DELETE, "/v1/acl/token/", API_WRITE, API_DC | API_NS, .check = api_acl_check_token, .prepare = api_acl_token_delete},
    {API_PUT, "/v1/acl/token", API_WRITE, API_DC | API_NS, .check = api_acl_check, .prepare = api_acl_token_create, .finish = api_acl_token_finish},
    {API_GET, "/v1/acl/policies", API_READ, ACL, .check = api_acl_check, .view = api_acl_policies},
    {API_GET, "/v1/acl/policy/name/", API_READ, ACL, .check = api_acl_check_policy_name, .view = api_acl_policy_by_name},
    {API_GET, "/v1/acl/policy/", API_READ, ACL, .check = api_acl_check_policy, .view = api_acl_policy_get},
    {API_PUT, "/v1/acl/policy/", API_WRITE, API_DC | API_NS, .check = api_acl_check_policy, .prepare = api_acl_policy_update, .finish = api_acl_policy_finish},
    {API_DELETE, "/v1/acl/policy/", API_WRITE, API_DC | API_NS, .check = api_acl_check_policy, .prepare = api_acl_policy_delete},
    {API_PUT, "/v1/acl/policy", API_WRITE, API_DC | API_NS, .check = api_acl_check, .prepare = api_acl_policy_create, .finish = api_acl_policy_finish},
    {API_GET, "/v1/acl/roles", API_READ, ACL, .check = api_acl_check, .view = api_acl_roles},
    {API_GET, "/v1/acl/role/name/", API_READ, ACL, .check = api_acl_check_role_name, .view = api_acl_role_by_name},
    {API_GET, "/v1/acl/role/", API_READ, ACL, .check = api_acl_check_role, .view = api_acl_role_get},
    {API_PUT, "/v1/acl/role/", API_WRITE, API_DC | API_NS, .check = api_acl_check_role, .prepare = api_acl_role_update, .finish = api_acl_role_finish},
    {API_DELETE, "/v1/acl/role/", API_WRITE, API_DC | API_NS, .check = api_acl_check_role, .prepare = api_acl_role_delete},
    {API_PUT, "/v1/acl/role", API_WRITE, API_DC | API_NS, .check = api_acl_check, .prepare = api_acl_role_create, .finish = api_acl_role_finish},
    {API_GET, "/v1/agent/services", API_CORE, API_NS, API_RIGHT_TOKEN, .check = api_local_check_services, .core = api_local_services},
    {API_PUT, "/v1/agent/service/register", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_service_register},
    {API_PUT, "/v1/agent/service/deregister/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_service_deregister},
    {API_PUT, "/v1/agent/service/maintenance/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_service_maintenance},
    {API_GET, "/v1/agent/service/", API_CORE, API_QUERY | API_NS, API_RIGHT_TOKEN, .core = api_local_service},
    {API_GET, "/v1/agent/checks", API_CORE, API_NS, API_RIGHT_TOKEN, .check = api_local_check_checks, .core = api_local_checks},
    {API_PUT, "/v1/agent/check/register", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_register},
    {API_PUT, "/v1/agent/check/deregister/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_deregister},
    {API_PUT, "/v1/agent/check/pass/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_pass},
    {API_PUT, "/v1/agent/check/warn/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_warn},
    {API_PUT, "/v1/agent/check/fail/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_fail},
    {API_PUT, "/v1/agent/check/update/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_check_update},
    {API_GET, "/v1/agent/health/service/id/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_health_id},
    {API_GET, "/v1/agent/health/service/name/", API_CORE, API_NS, API_RIGHT_TOKEN, .core = api_local_health_name},
    {API_PUT, "/v1/agent/maintenance", API_CORE, 0, API_RIGHT_TOKEN, .core = api_local_maintenance},
};
/* clang-format on */
#define TABLE_N (sizeof(table) / sizeof(table[0]))

static const char *const method_names[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

static bool fits(const struct api_route *r, struct str path)
{
    size_t n = strlen(r->path);

    if (path.n < n || memcmp(path.p, r->path, n) != 0)
        return false;
    return path.n == n || r->path[n - 1] == '/';
}

const struct api_route *route_find(struct str path, enum api_method method,
                                   const struct api_route **ret_any)
{
    *ret_any = NULL;
    for (size_t i = 0; i < TABLE_N; i++) {
        if (*ret_any && strcmp(table[i].path, (*ret_any)->path) != 0)
            break;
        if (!*ret_any && !fits(&table[i], path))
            continue;
        *ret_any = &table[i];
        if (table[i].method == method)
            return &table[i];
    }
    return NULL;
}

bool route_lacks_slash(struct str path)
{
    for (size_t i = 0; i < TABLE_N; i++) {
        size_t n = strlen(table[i].path);

        if (table[i].path[n - 1] == '/' && path.n == n - 1 &&
            memcmp(path.p, table[i].path, n - 1) == 0)
            return true;
    }
    return false;
}

void route_allow(const struct api_route *any, struct buf *out)
{
    const struct api_route *r = any;

    while (r > table && strcmp(r[-1].path, any->path) == 0)
        r--;
    buf_put_z(out, "OPTIONS");
    for (; r < table + TABLE_N && strcmp(r->path, any->path) == 0; r++)
        for (size_t m = 0; m < sizeof(method_names) / sizeof(method_names[0]); m++)
            if ((unsigned)r->method == 1u << m) {
                buf_put_c(out, ',');
                buf_put_z(out, method_names[m]);
            }
}

const struct api_route *route_table(size_t *ret_n)
{
    *ret_n = TABLE_N;
    return table;
}

void route_print_markdown(struct buf *out)
{
    static const char *const kinds[] = {[API_READ] = "reads the state; waits with `index`",
                                        [API_WRITE] = "writes, through the log",
                                        [API_CORE] = "the agent's own affairs",
                                        [API_LOCAL] = "answers at once"};

    buf_put_z(out, "# Endpoints\n\n"
                   "Made from the table in src/api/route.c; do not edit. Parameters, bodies and "
                   "answers are Consul's\n(https://developer.hashicorp.com/consul/api-docs); where "
                   "they differ: compatibility.md. A path that\nends in a slash takes a name after "
                   "it.\n\n| method | path | |\n|---|---|---|\n");
    for (size_t i = 0; i < TABLE_N; i++) {
        const char *name = "";

        for (size_t m = 0; m < sizeof(method_names) / sizeof(method_names[0]); m++)
            if ((int)table[i].method == 1 << m)
                name = method_names[m];
        buf_putf(out, "| %s | `%s` | %s |\n", name, table[i].path, kinds[table[i].kind]);
    }
}
