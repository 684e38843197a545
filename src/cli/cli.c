/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table of commands feeds dispatch, flags, help and completion: a new
 * command is a row here and a function. (tidy: long because it is that table.)
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli_absent.h"
#include "cli/cli_acl_table.h"
#include "cli/cli_agent.h"
#include "cli/cli_autopilot.h"
#include "cli/cli_catalog.h"
#include "cli/cli_cluster.h"
#include "cli/cli_complete.h"
#include "cli/cli_event.h"
#include "cli/cli_keyring.h"
#include "cli/cli_kv.h"
#include "cli/cli_members.h"
#include "cli/cli_mount.h"
#include "cli/cli_operator.h"
#include "cli/cli_rtt.h"
#include "cli/cli_run_table.h"
#include "cli/cli_services.h"
#include "cli/cli_snapshot.h"
#include "cli/cli_transfer.h"

#define EXIT_UNKNOWN_COMMAND 127 /* as consul, and as a shell */

/* ---- the table ---- */

/* clang-format off */
#define B CLI_FLAG_BOOL, NULL
#define S CLI_FLAG_TEXT, "<string>"
#define U CLI_FLAG_UINT, "<uint>"
#define L CLI_FLAG_LIST

static const struct cli_flag api_flags[] = {
    {"http-addr",  CLI_FLAG_TEXT, "<address>",
     "Address of the agent: host:port, http://host:port or unix:///path "
     "[DISCO_HTTP_ADDR, CONSUL_HTTP_ADDR, 127.0.0.1:8500]"},
    {"token",      S, "Token that goes along [DISCO_HTTP_TOKEN, CONSUL_HTTP_TOKEN]"},
    {"token-file", CLI_FLAG_TEXT, "<file>", "File that holds the token [CONSUL_HTTP_TOKEN_FILE]"},
};
static const struct cli_flag dc_flags[] = {
    {"datacenter", S, "Datacenter to ask; default: the agent's own"},
    {"stale",      B, "Any server may answer, also one without a leader"},
};
static const struct cli_flag namespace_flags[] = {
    {"namespace",  S, "Accepted for Consul's sake; the agent refuses it"},
};
static const struct cli_flag json_flags[] = {
    {"format",     CLI_FLAG_TEXT, "<table|json>",
     "json prints the agent's answer as it is, for scripts"},
};
static const struct cli_flag remove_peer_flags[] = {
    {"address",    CLI_FLAG_TEXT, "<ip:port>", "The one with this address"},
    {"id",         CLI_FLAG_TEXT, "<id>", "The one with this id"},
};
static const struct cli_flag transfer_flags[] = {
    {"id",         CLI_FLAG_TEXT, "<id>", "To this voter; without it to the one that has most"},
};
static const struct cli_flag event_flags[] = {
    {"name",    S, "Name of the event"},
    {"node",    S, "Only nodes whose names fit this expression"},
    {"service", S, "Only nodes with such a service"},
    {"tag",     S, "With -service: only such with this tag"},
};
static const struct cli_flag keyring_flags[] = {
    {"install",      CLI_FLAG_TEXT, "<key>", "Give a new key to all members; it is not used yet"},
    {"list",         B, "List the keys, and how many members have each"},
    {"list-primary", B, "List the keys that are used to encrypt"},
    {"local-only",   B, "With -list: the LAN pool of this datacenter only"},
    {"relay-factor", U, "Through how many other members answers come too, 0 to 5"},
    {"remove",       CLI_FLAG_TEXT, "<key>", "Take a key, not the one in use, from all members"},
    {"use",          CLI_FLAG_TEXT, "<key>", "Make all members encrypt with this installed key"},
};
static const struct cli_flag maint_flags[] = {
    {"disable", B, "End the maintenance"},
    {"enable",  B, "Begin it: the node, or the service, is left out of answers"},
    {"reason",  S, "Why, with -enable"},
    {"service", CLI_FLAG_TEXT, "<id>", "A service instead of the whole node"},
};
static const struct cli_flag services_register_flags[] = {
    {"address",        S, "Address of the service; default: the node's"},
    {"id",             S, "Id of the service; default: its name"},
    {"kind",           S, "Kind of the service"},
    {"meta",           L, "<key=value>", "Meta data; may be repeated"},
    {"name",           S, "Name of the service"},
    {"port",           U, "Port of the service"},
    {"tag",            L, "<tag>", "A tag; may be repeated"},
    {"tagged-address", L, "<name=address>", "A further address by name, such as wan=1.2.3.4:80"},
};
static const struct cli_flag services_deregister_flags[] = {
    {"id", S, "Id of the service"},
};
static const struct cli_flag kv_get_flags[] = {
    {"base64",    B, "Print values base64 encoded"},
    {"detailed",  B, "Print the indexes, flags and session too"},
    {"keys",      B, "Print the keys below the prefix, up to the separator"},
    {"recurse",   B, "Print all keys with the prefix and their values"},
    {"separator", S, "Where -keys stops; default \"/\", empty: nowhere"},
};
static const struct cli_flag kv_put_flags[] = {
    {"acquire",      B, "Take the lock on the key for -session"},
    {"base64",       B, "DATA is base64 encoded"},
    {"cas",          B,
     "Write only if the key is still at -modify-index (0: only if it does not exist)"},
    {"flags",        U, "A number kept with the key"},
    {"modify-index", U, "The index for -cas"},
    {"release",      B, "Give the lock on the key back"},
    {"session",      S, "Session for -acquire and -release"},
};
static const struct cli_flag kv_delete_flags[] = {
    {"cas",          B, "Delete only if the key is still at -modify-index"},
    {"modify-index", U, "The index for -cas"},
    {"recurse",      B, "Delete all keys with the prefix"},
};
static const struct cli_flag catalog_nodes_flags[] = {
    {"detailed",  B, "Print whole ids, tagged addresses and meta data too"},
    {"filter",    S, "Expression that nodes must satisfy"},
    {"near",      S, "Node (or _agent) to sort by distance from"},
    {"node-meta", L, "<key=value>", "Only nodes with this meta data; may be repeated"},
    {"service",   CLI_FLAG_TEXT, "<name>", "Only nodes that have this service"},
};
static const struct cli_flag catalog_services_flags[] = {
    {"node",      CLI_FLAG_TEXT, "<name>", "Only services of this node"},
    {"node-meta", L, "<key=value>", "Only services on nodes with this meta data; may be repeated"},
    {"tags",      B, "Print the tags of each service too"},
};
static const struct cli_flag members_flags[] = {
    {"detailed", B, "Print all tags of each member"},
    {"segment",  S, "Only members of this network segment"},
    {"status",   CLI_FLAG_TEXT, "<regex>", "Only members whose status matches"},
    {"wan",      B, "Members of the WAN pool (servers of all datacenters)"},
};
static const struct cli_flag autopilot_flags[] = {
    {"cleanup-dead-servers", CLI_FLAG_TEXT, "<true|false>", "Remove failed servers when a new one has joined"},
    {"last-contact-threshold", CLI_FLAG_TEXT, "<200ms>", "Silence after which a server is not healthy"},
    {"max-trailing-logs", U, "Entries behind the leader after which a server is not healthy"},
    {"min-quorum", U, "Servers that must be left when dead ones are removed"},
    {"server-stabilization-time", CLI_FLAG_TEXT, "<10s>", "How long a new server is healthy before it votes"},
};
static const struct cli_flag join_flags[] = {
    {"wan", B, "Join servers of other datacenters"},
};
static const struct cli_flag force_leave_flags[] = {
    {"prune", B, "Forget the member at once"},
};
static const struct cli_flag monitor_flags[] = {
    {"log-json",  B, "Lines as JSON"},
    {"log-level", S, "Lowest level to print; default INFO"},
};
static const struct cli_flag rtt_flags[] = {
    {"wan", B, "Between servers of the WAN pool"},
};
static const struct cli_flag version_flags[] = {
    {"format", CLI_FLAG_TEXT, "<pretty|json>", "json is for scripts"},
};
static const struct cli_flag validate_flags[] = {
    {"quiet", B, "Say nothing when all is well"},
};

#define FLAGS(table) table, sizeof(table) / sizeof(*(table))
static int run_completion(struct cli *c);
static int run_doc(struct cli *c);

static const struct cli_command commands[] = {
    CLI_ACL_COMMANDS
    CLI_RUN_COMMANDS
    {"agent", "[options]", "Run the agent (disco agent -h has its options)", NULL,
     NULL, 0, 0, NULL},
    {"catalog datacenters", "", "List the datacenters known", NULL,
     NULL, 0, CLI_API | CLI_DC | CLI_JSON, cli_catalog_datacenters},
    {"catalog nodes", "", "List nodes", NULL,
     FLAGS(catalog_nodes_flags), CLI_API | CLI_DC | CLI_JSON, cli_catalog_nodes},
    {"catalog services", "", "List services", NULL,
     FLAGS(catalog_services_flags), CLI_API | CLI_DC | CLI_NAMESPACE | CLI_JSON,
     cli_catalog_services},
    {"completion", "bash", "Print the completion script of a shell",
     "Once: disco completion bash > ~/.local/share/bash-completion/completions/disco",
     NULL, 0, 0, run_completion},
    {"debug doc", "api.md|config.md|options.man|commands.man",
     "Print a part of the documents that is made from a table", "For doc/update.sh.",
     NULL, 0, 0, run_doc},
    {"debug wal", "DIRECTORY", "Print the records of a log directory",
     "DIRECTORY is DATA-DIR/raft of an agent. Reads only; the agent may be running.",
     NULL, 0, 0, cli_agent_debug_wal},
    {"event", "[PAYLOAD]", "Fire a user event", NULL, FLAGS(event_flags), CLI_API, cli_event},
    {"info", "", "Print facts about the agent", NULL,
     NULL, 0, CLI_API | CLI_JSON, cli_agent_info},
    {"keygen", "", "Print a new key for the encryption of gossip", NULL,
     NULL, 0, 0, cli_agent_keygen},
    {"keyring", "", "Change or list the keys of the gossip pools",
     "Rotate: -install NEW, -use NEW, -remove OLD; no member is lost on the way.",
     FLAGS(keyring_flags), CLI_API, cli_keyring},
    {"kv delete", "KEY_OR_PREFIX", "Delete a key, or all keys with a prefix", NULL,
     FLAGS(kv_delete_flags), CLI_API | CLI_DC | CLI_NAMESPACE, cli_kv_delete},
    {"kv export", "[PREFIX]", "Print the keys with a prefix as a JSON document", NULL,
     NULL, 0, CLI_PROGRESS | CLI_API | CLI_DC | CLI_NAMESPACE, cli_transfer_export},
    {"kv get", "[KEY_OR_PREFIX]", "Print a key, or the keys with a prefix",
     "One slash at the front of KEY is dropped; a key that begins with one is given with two.",
     FLAGS(kv_get_flags), CLI_API | CLI_DC | CLI_NAMESPACE | CLI_JSON, cli_kv_get},
    {"kv import", "DATA", "Write the keys of a JSON document that kv export made",
     "DATA is the document, @FILE a file that holds it, or - for stdin.",
     NULL, 0, CLI_API | CLI_DC | CLI_NAMESPACE, cli_transfer_import},
    {"kv put", "KEY [DATA]", "Write a key",
     "DATA is the value, @FILE a file that holds it, or - for stdin. Without DATA the value is\n"
     "empty. Flags come before KEY. One slash at the front of KEY is dropped; a key that begins\n"
     "with one is given with two.",
     FLAGS(kv_put_flags), CLI_API | CLI_DC | CLI_NAMESPACE, cli_kv_put},
    {"force-leave", "NAME", "Make a failed member of the cluster one that has left", NULL,
     FLAGS(force_leave_flags), CLI_API, cli_cluster_force_leave},
    {"join", "ADDRESS...", "Make the agent join the cluster of other agents", NULL,
     FLAGS(join_flags), CLI_API, cli_cluster_join},
    {"operator autopilot get-config", "", "Print the configuration of autopilot", NULL,
     NULL, 0, CLI_API | CLI_DC, cli_autopilot_get},
    {"operator autopilot set-config", "", "Change the configuration of autopilot", NULL,
     FLAGS(autopilot_flags), CLI_API | CLI_DC, cli_autopilot_set},
    {"operator autopilot state", "", "Print how the servers are, as autopilot sees them", NULL,
     NULL, 0, CLI_API | CLI_DC, cli_autopilot_state},
    {"leave", "", "Make the agent leave the cluster and stop", NULL,
     NULL, 0, CLI_API, cli_agent_leave},
    {"maint", "", "Begin or end maintenance of the node or a service, or show what is in it", NULL,
     FLAGS(maint_flags), CLI_API, cli_services_maint},
    {"members", "", "List the members of the cluster", "Exit status 2 when there are none.",
     FLAGS(members_flags), CLI_API | CLI_JSON, cli_members},
    {"monitor", "", "Print the agent's log as it grows", "Ends with an interrupt (Ctrl-C).",
     FLAGS(monitor_flags), CLI_API, cli_agent_monitor},
    {"mount-watch", "DIRECTORY", "Make inotify on a mount see changes made elsewhere",
     "Runs until the agent ends. The agent starts it itself with the option mount.inotify.",
     NULL, 0, 0, cli_mount_watch},
    {"operator raft list-peers", "", "Print the servers that keep the log", NULL,
     NULL, 0, CLI_API | CLI_DC, cli_operator_list_peers},
    {"operator raft remove-peer", "", "Take a server out of those that keep the log",
     "For one that is gone for good; one that lives is made to leave.",
     FLAGS(remove_peer_flags), CLI_API | CLI_DC, cli_operator_remove_peer},
    {"operator raft transfer-leader", "", "Hand the leadership to another server", NULL,
     FLAGS(transfer_flags), CLI_API | CLI_DC, cli_operator_transfer},
    {"reload", "", "Make the agent read its configuration again", NULL,
     NULL, 0, CLI_API, cli_agent_reload},
    {"rtt", "NODE1 [NODE2]", "Estimate the round-trip time between two nodes",
     "Without NODE2: to the agent that is asked. With -wan names are NODE.DATACENTER, of servers.",
     FLAGS(rtt_flags), CLI_API, cli_rtt},
    {"services deregister", "[FILE...]", "Take services of this agent out of the catalog",
     "FILE holds a definition as for register.",
     FLAGS(services_deregister_flags), CLI_API | CLI_DC | CLI_NAMESPACE, cli_services_deregister},
    {"services register", "[FILE...]", "Register services with this agent",
     "FILE is JSON with a member service, or services, as in configuration files.",
     FLAGS(services_register_flags), CLI_API | CLI_DC | CLI_NAMESPACE, cli_services_register},
    {"snapshot inspect", "FILE", "Print what a snapshot is of", "FILE may be - for stdin.", NULL, 0, 0,
     cli_snapshot_inspect},
    {"snapshot restore", "FILE", "Replace the whole state by that of a snapshot",
     "All servers take it over at the same point of the log. FILE may be - for stdin.", NULL, 0, CLI_PROGRESS | CLI_API | CLI_DC,
     cli_snapshot_restore},
    {"snapshot save", "FILE", "Save the whole state, tokens included, to a file",
     "The file is there only when it is whole. FILE may be - for stdout.", NULL, 0, CLI_PROGRESS | CLI_API | CLI_DC, cli_snapshot_save},
    {"validate", "FILE_OR_DIRECTORY...", "Check configuration files", NULL,
     FLAGS(validate_flags), 0, cli_agent_validate},
    {"version", "", "Print the version", NULL, FLAGS(version_flags), 0, cli_agent_version},
};
/* clang-format on */

static const size_t command_n = sizeof(commands) / sizeof(*commands);

/* ---- dispatch ---- */

static const struct cli_command *command_find(int argc, char **argv, int *ret_used);
static bool is_group(const char *word);
static void help_top(FILE *out);
static void help_group(const char *group, FILE *out);
static void help_command(const struct cli *c, FILE *out);
static bool is_help(const char *arg);
static int run_command(struct cli *c, int argc, char **argv);

int cli_run(int argc, char **argv, const struct cli_hooks *hooks)
{
    struct cli c = {.hooks = hooks};
    char version[] = "version";
    int used = 0;

    if (argc > 1 && is_help(argv[1])) {
        help_top(stdout);
        return 0;
    }
    if (argc > 1 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "-version") == 0 ||
                     strcmp(argv[1], "--version") == 0)) {
        argv[1] = version;
    }
    c.command = argc > 1 ? command_find(argc - 1, argv + 1, &used) : NULL;
    if (c.command)
        return run_command(&c, argc - 1 - used, argv + 1 + used);
    const char *absent = cli_absent_reason(argc - 1, argv + 1);
    if (absent)
        return cli_command_fail("disco %s: not available: %s", argv[1], absent);
    if (argc > 1 && is_group(argv[1])) {
        bool asked = argc > 2 && is_help(argv[2]);
        help_group(argv[1], asked ? stdout : stderr);
        return asked ? 0 : 1;
    }
    help_top(stderr);
    return EXIT_UNKNOWN_COMMAND;
}

static int http_open(struct cli *c, struct error *err);

static int run_command(struct cli *c, int argc, char **argv)
{
    const struct cli_command *command = c->command;
    struct error err = {0};
    int used = 0, exit_status;
    bool wants_help = false;

    cli_flags_add(&c->flags, command->flags, command->flag_n);
    if (command->groups & CLI_API)
        cli_flags_add(&c->flags, FLAGS(api_flags));
    if (command->groups & CLI_DC)
        cli_flags_add(&c->flags, FLAGS(dc_flags));
    if (command->groups & CLI_NAMESPACE)
        cli_flags_add(&c->flags, FLAGS(namespace_flags));
    if (command->groups & CLI_JSON)
        cli_flags_add(&c->flags, FLAGS(json_flags));

    int status = cli_flags_parse(&c->flags, argc, argv, &used, &wants_help, &err);
    if (wants_help) {
        help_command(c, stdout);
        return 0;
    }
    const char *format = command->groups & CLI_JSON ? cli_flags_text(&c->flags, "format") : NULL;
    if (status == 0 && format && strcmp(format, "json") != 0 && strcmp(format, "table") != 0)
        status = error_set(&err, ERR_INVALID,
                           "invalid value \"%s\" for flag -format: table or json", format);
    if (status < 0) {
        (void)cli_command_fail("%s", err.text);
        help_command(c, stderr);
        return 1;
    }
    c->arg_n = argc - used;
    c->args = argv + used;
    if (!command->run) /* the agent, which main runs itself */
        return cli_command_fail("This program cannot run an agent");
    if (command->groups & CLI_API && http_open(c, &err) < 0)
        return cli_command_fail("Error connecting to the agent: %s", err.text);
    if (command->groups & CLI_PROGRESS && isatty(STDERR_FILENO))
        cli_http_set_progress(c->http, STDERR_FILENO);
    exit_status = command->run(c);
    cli_http_close(c->http);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_command_fail("Error writing to stdout");
    return exit_status;
}

/* The first of two variables that is set; ours before Consul's. */
static const char *environment(const char *ours, const char *consul)
{
    const char *text = ours ? getenv(ours) : NULL;

    if (!text || !*text)
        text = getenv(consul);
    return text && *text ? text : NULL;
}

static int http_open(struct cli *c, struct error *err)
{
    const char *address = cli_flags_text(&c->flags, "http-addr"),
               *token = cli_flags_text(&c->flags, "token"),
               *file = cli_flags_text(&c->flags, "token-file");
    struct buf text;
    int status = 0;

    buf_init(&text, 65536);
    if (!address || !*address)
        address = environment("DISCO_HTTP_ADDR", "CONSUL_HTTP_ADDR");
    if (!token)
        token = environment("DISCO_HTTP_TOKEN", "CONSUL_HTTP_TOKEN");
    if (!file && !cli_flags_text(&c->flags, "token"))
        file = environment(NULL, "CONSUL_HTTP_TOKEN_FILE");
    if (file && *file) { /* consul: a file wins over a token */
        struct buf name;
        buf_init(&name, 0);
        buf_putf(&name, "@%s", file);
        status = cli_command_data(buf_z(&name), &text, err);
        buf_fini(&name);
        if (status < 0)
            error_wrap(err, "Error loading token file");
        while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == ' '))
            text.n--;
        token = buf_z(&text);
    }
    if (status == 0)
        status = cli_http_open(address ? address : "127.0.0.1:8500", token,
                               environment(NULL, "CONSUL_HTTP_AUTH"), &c->http, err);
    buf_fini(&text);
    return status;
}

/* The command whose words the arguments begin with. */
static const struct cli_command *command_find(int argc, char **argv, int *ret_used)
{
    for (size_t i = 0; i < command_n; i++) {
        struct str rest = str_z(commands[i].name);
        int n = 0;
        while (rest.p && n < argc && str_eq_z(str_split(&rest, ' '), argv[n]))
            n++;
        /* All words were eaten, and the last of them fitted. */
        struct buf joined;
        buf_init(&joined, 0);
        for (int k = 0; k < n; k++)
            buf_putf(&joined, k ? " %s" : "%s", argv[k]);
        bool fits = n > 0 && str_eq_z(buf_str(&joined), commands[i].name);
        buf_fini(&joined);
        if (fits) {
            *ret_used = n;
            return &commands[i];
        }
    }
    return NULL;
}

static bool is_group(const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i < command_n; i++)
        if (strncmp(commands[i].name, word, n) == 0 && commands[i].name[n] == ' ')
            return true;
    return false;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "-h") == 0 || strcmp(arg, "-help") == 0 || strcmp(arg, "--help") == 0 ||
           strcmp(arg, "help") == 0;
}

/* ---- help ---- */

static void help_top(FILE *out)
{
    (void)fputs("Usage: disco [-version] [-help] <command> [args]\n\nCommands:\n", out);
    for (size_t i = 0; i < command_n; i++)
        (void)fprintf(out, "    %-20s  %s\n", commands[i].name, commands[i].about);
    (void)fputs("\ndisco <command> -h says more about each.\n", out);
}

static void help_group(const char *group, FILE *out)
{
    size_t n = strlen(group);

    (void)fprintf(out, "Usage: disco %s <subcommand> [options] [args]\n\nSubcommands:\n", group);
    for (size_t i = 0; i < command_n; i++)
        if (strncmp(commands[i].name, group, n) == 0 && commands[i].name[n] == ' ')
            (void)fprintf(out, "    %-12s  %s\n", commands[i].name + n + 1, commands[i].about);
}

static void help_command(const struct cli *c, FILE *out)
{
    const struct cli_command *command = c->command;

    (void)fprintf(out, "Usage: disco %s%s%s%s\n\n%s.\n", command->name,
                  c->flags.n ? " [options]" : "", *command->args ? " " : "", command->args,
                  command->about);
    if (command->text)
        (void)fprintf(out, "\n%s\n", command->text);
    if (c->flags.n > 0)
        (void)fputs("\nOptions:\n", out);
    for (size_t i = 0; i < c->flags.n; i++) {
        const struct cli_flag *flag = c->flags.values[i].flag;
        (void)fprintf(out, "  -%s%s%s\n        %s\n", flag->name, flag->value ? "=" : "",
                      flag->value ? flag->value : "", flag->help);
    }
}

/* ---- documents and completion ---- */

/* Commands as roff: hyphens are minus signs. */
static void doc_commands_man(struct buf *out)
{
    for (size_t i = 0; i < command_n; i++) {
        const struct cli_command *command = &commands[i];
        buf_putf(out, ".TP\n.BR \"%s\" \" %s\"\n%s.\n", command->name, command->args,
                 command->about);
        if (command->text)
            buf_putf(out, "%s\n", command->text);
        for (size_t k = 0; k < command->flag_n; k++) {
            const struct cli_flag *flag = &command->flags[k];
            buf_put_z(out, ".RS\n.TP\n.B \\-");
            for (const char *p = flag->name; *p; p++)
                buf_putf(out, *p == '-' ? "\\%c" : "%c", *p);
            buf_putf(out, "%s%s\n%s.\n.RE\n", flag->value ? "=" : "",
                     flag->value ? flag->value : "", flag->help);
        }
    }
}

static int run_doc(struct cli *c)
{
    const char *part = c->arg_n == 1 ? c->args[0] : "";
    struct buf out;

    buf_init(&out, 0);
    if (strcmp(part, "api.md") == 0 && c->hooks->api_markdown)
        c->hooks->api_markdown(&out);
    else if (strcmp(part, "config.md") == 0 && c->hooks->config_markdown)
        c->hooks->config_markdown(&out);
    else if (strcmp(part, "options.man") == 0 && c->hooks->config_man)
        c->hooks->config_man(&out);
    else if (strcmp(part, "commands.man") == 0)
        doc_commands_man(&out);
    else
        return cli_command_fail("No such part: '%s'", part);
    cli_command_out(buf_str(&out));
    buf_fini(&out);
    return 0;
}

static int run_completion(struct cli *c)
{
    if (c->arg_n != 1 || strcmp(c->args[0], "bash") != 0)
        return cli_command_fail("Only bash is known: disco completion bash");

    const struct cli_complete_group groups[] = {
        {CLI_API, FLAGS(api_flags)},
        {CLI_DC, FLAGS(dc_flags)},
        {CLI_NAMESPACE, FLAGS(namespace_flags)},
        {CLI_JSON, FLAGS(json_flags)},
    };
    struct buf agent;
    buf_init(&agent, 0);
    if (c->hooks->agent_help)
        c->hooks->agent_help(&agent);
    cli_complete_bash(commands, command_n, groups, sizeof(groups) / sizeof(*groups),
                      buf_str(&agent), stdout);
    buf_fini(&agent);
    return 0;
}
