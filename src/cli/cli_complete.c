/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_complete.h"

#include <ctype.h>

/* The script: words of the line without flags name the command; a word that begins with a dash is
 * completed from its flags, another from the next words of commands, keys (asked from the agent for
 * `kv`), or files. */
static const char SCRIPT_HEAD[] =
    "# bash completion of disco, written by `disco completion bash`\n"
    "_disco() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} command='' word flags='' words=''\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "        case $word in -*) ;; *) command=\"${command:+$command }$word\" ;; esac\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    case $command in\n";
static const char SCRIPT_TAIL[] =
    "    esac\n"
    "    if [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$cur\")\n"
    "        [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace\n"
    "    elif [[ -n $words ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "    elif [[ $command == 'kv '* ]]; then\n"
    "        # Keys are others' words: they must not pass through compgen -W, which expands them.\n"
    "        mapfile -t COMPREPLY < <(disco kv get -keys \"$cur\" 2>/dev/null)\n"
    "        compopt -o filenames\n"
    "        [[ ${COMPREPLY[*]} == */ ]] && compopt -o nospace\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _disco disco\n";

static void put_flags(const struct cli_flag *flags, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, " -%s%s", flags[i].name, flags[i].value ? "=" : "");
}

/* The options in help lines such as "  -bind=<value>    text". */
static void put_agent_flags(struct str help, FILE *out)
{
    while (help.p) {
        struct str line = str_trim(str_split(&help, '\n'));
        size_t n = 0;
        if (line.n < 2 || line.p[0] != '-')
            continue;
        while (n < line.n && (line.p[n] == '-' || isalnum((unsigned char)line.p[n])))
            n++;
        (void)fprintf(out, " %.*s%s", (int)n, line.p, n < line.n && line.p[n] == '=' ? "=" : "");
    }
}

/* Is commands[i] the first with its first `n` characters? Commands are sorted. */
static bool is_first(const struct cli_command *commands, size_t i, size_t n)
{
    return i == 0 || strncmp(commands[i - 1].name, commands[i].name, n) != 0 ||
           (commands[i - 1].name[n] != ' ' && commands[i - 1].name[n] != '\0');
}

void cli_complete_bash(const struct cli_command *commands, size_t n,
                       const struct cli_complete_group *groups, size_t group_n,
                       struct str agent_help, FILE *out)
{
    (void)fputs(SCRIPT_HEAD, out);
    (void)fputs("    '') words='", out);
    for (size_t i = 0; i < n; i++) {
        size_t word_n = strcspn(commands[i].name, " ");
        if (is_first(commands, i, word_n))
            (void)fprintf(out, "%s%.*s", i ? " " : "", (int)word_n, commands[i].name);
    }
    (void)fputs("' flags='-help -version' ;;\n", out);
    for (size_t i = 0; i < n; i++) { /* groups: the words that follow */
        size_t word_n = strcspn(commands[i].name, " ");
        if (commands[i].name[word_n] != ' ' || !is_first(commands, i, word_n))
            continue;
        (void)fprintf(out, "    '%.*s') words='", (int)word_n, commands[i].name);
        for (size_t k = i; k < n && strncmp(commands[k].name, commands[i].name, word_n + 1) == 0;
             k++)
            (void)fprintf(out, "%s%s", k > i ? " " : "", commands[k].name + word_n + 1);
        (void)fputs("' flags='-help' ;;\n", out);
    }
    for (size_t i = 0; i < n; i++) {
        const struct cli_command *c = &commands[i];
        (void)fprintf(out, "    '%s' | '%s '*) flags='-help", c->name, c->name);
        put_flags(c->flags, c->flag_n, out);
        for (size_t k = 0; k < group_n; k++)
            if (c->groups & groups[k].bits)
                put_flags(groups[k].flags, groups[k].flag_n, out);
        if (!c->run)
            put_agent_flags(agent_help, out);
        (void)fprintf(out, "'%s ;;\n", strcmp(c->name, "completion") == 0 ? " words=bash" : "");
    }
    (void)fputs(SCRIPT_TAIL, out);
}
