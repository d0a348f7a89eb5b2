/* cli/completion.c: scripts for bash, zsh and fish. They know nouns, verbs, options and the words that options take; what is in the
 * database they do not ask for: a key press must not wait for it, nor need the right to see it. */
#include "daemon/cli/completion.h"

#include <string.h>

#include "daemon/cli/help.h"

/* Each noun once, in the order of the tables. */
static const char *next_noun(size_t *at)
{
	const struct verb *v;

	while ((v = verb_at((*at)++))) {
		bool seen = false;

		for (size_t i = 0; i + 1 < *at; i++)
			seen = seen || strcmp(verb_at(i)->noun, v->noun) == 0;
		if (!seen)
			return v->noun;
	}
	return NULL;
}

static bool is_option(const struct argument *g)
{
	return g->name[0] == '-';
}

static bool has_words(const char *noun)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		if (strcmp(v->noun, noun) == 0 && v->verb)
			return true;
	return false;
}

/* ---- bash ---- */

static void print_words_of(FILE *to, const char *noun)
{
	const struct verb *v;
	const char *between = "";

	for (size_t i = 0; (v = verb_at(i)); i++) {
		if (strcmp(v->noun, noun) == 0 && v->verb) {
			fprintf(to, "%s%s", between, v->verb);
			between = " ";
		}
	}
}

static void print_options_of(FILE *to, const struct verb *v)
{
	const char *between = "";

	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		if (is_option(&v->arguments[i])) {
			fprintf(to, "%s%s", between, v->arguments[i].name);
			between = " ";
		}
	}
	for (size_t i = 0; i < global_count; i++) {
		if (verb_takes(v, &globals[i])) {
			fprintf(to, "%s%s", between, globals[i].name);
			between = " ";
		}
	}
}

static void bash_choice(FILE *to, const struct verb *v, const struct argument *g)
{
	const char *last = is_option(g) ? g->name : v->verb ? v->verb
							    : v->noun;

	if (g->choices || g->kind == ARGUMENT_YES_NO)
		fprintf(to, "\t\t'%s%s%s %s') words='%s' ;;\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "", last, g->choices ? g->choices : "yes no");
	else if (g->kind == ARGUMENT_FILE && is_option(g))
		fprintf(to, "\t\t'%s%s%s %s') files=1 ;;\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "", last);
}

/* What may stand behind a word: behind an option its value, behind the verb the first positional. */
static void bash_choices(FILE *to)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		for (int k = 0; k < VERB_MAX_ARGUMENTS && v->arguments[k].name; k++)
			if (k == 0 || is_option(&v->arguments[k]))
				bash_choice(to, v, &v->arguments[k]);
}

static void print_bash(FILE *to)
{
	const struct verb *v;
	const char *noun, *between = "";
	size_t at = 0;

	fputs("# Completion of postroom(8) for bash.\n"
	      "_postroom()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} noun= verb= words= files= i word skip=\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tword=${COMP_WORDS[i]}\n"
	      "\t\tif [[ -n $skip ]]; then skip=; continue; fi\n"
	      "\t\tcase $word in\n"
	      "\t\t-o | --output | --config | --url | --token | --ca-file | --limit | --columns) skip=1 ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;\n"
	      "\t\tesac\n\tdone\n"
	      "\tcase $before in\n"
	      "\t-o | --output) words='table json ndjson csv' ;;\n"
	      "\t--config | --ca-file | --token) files=1 ;;\n\tesac\n"
	      "\tif [[ -z $words$files && -z $noun ]]; then\n\t\twords='",
	      to);
	while ((noun = next_noun(&at))) {
		fprintf(to, "%s%s", between, noun);
		between = " ";
	}
	fputs("'\n\tfi\n\tif [[ -z $words$files && -n $noun && -z $verb ]]; then\n\t\tcase $noun in\n", to);
	at = 0;
	while ((noun = next_noun(&at))) {
		if (!has_words(noun))
			continue;
		fprintf(to, "\t\t%s) words='", noun);
		print_words_of(to, noun);
		fputs("' ;;\n", to);
	}
	fputs("\t\tesac\n\tfi\n\tif [[ -z $words$files ]]; then\n\t\tcase \"$noun${verb:+ $verb} $before\" in\n", to);
	bash_choices(to);
	fputs("\t\tesac\n\tfi\n\tif [[ -z $words$files || $current == -* ]]; then\n\t\tcase \"$noun${verb:+ $verb}\" in\n", to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		fprintf(to, "\t\t'%s%s%s'%s) words='", v->noun, v->verb ? " " : "", v->verb ? v->verb : "", v->verb ? "" : "*");
		print_options_of(to, v);
		fputs("' ;;\n", to);
	}
	fputs("\t\tesac\n\tfi\n"
	      "\tif [[ -n $files ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	      "\telse\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n\tfi\n"
	      "}\ncomplete -o filenames -F _postroom postroom\n",
	      to);
}

/* ---- zsh ---- */

/* Inside single quotes, in a specification of _arguments or _describe: ':' and brackets mean something there. */
static void print_zsh_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", to);
		else if (strchr(":[]\\", *text))
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void zsh_option(FILE *to, const char *name, const char *value, const char *help, const char *action, bool repeats)
{
	fprintf(to, "\t\t\t'%s%s[", repeats ? "*" : "", name);
	print_zsh_text(to, help);
	fputc(']', to);
	if (value) {
		fputc(':', to);
		print_zsh_text(to, value);
		fprintf(to, ":%s", action);
	}
	fputs("' \\\n", to);
}

static void zsh_argument(FILE *to, const struct argument *g)
{
	char action[256] = "";

	if (g->choices)
		snprintf(action, sizeof action, "(%s)", g->choices);
	else if (g->kind == ARGUMENT_YES_NO)
		snprintf(action, sizeof action, "(yes no)");
	else if (g->kind == ARGUMENT_FILE)
		snprintf(action, sizeof action, "_files");
	if (is_option(g)) {
		zsh_option(to, g->name, g->value, help_of(g), action, g->kind == ARGUMENT_LIST);
		return;
	}
	fprintf(to, "\t\t\t'%s:%s:%s' \\\n", g->kind == ARGUMENT_LIST ? "*" : "", g->name, action);
}

static void zsh_verb(FILE *to, const struct verb *v)
{
	fprintf(to, "\t'%s%s%s')\n\t\t_arguments -s \\\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		zsh_argument(to, &v->arguments[i]);
	for (size_t i = 0; i < global_count; i++) {
		const struct global *g = &globals[i];
		bool file = strcmp(g->name, "--config") == 0 || strcmp(g->name, "--ca-file") == 0 || strcmp(g->name, "--token") == 0;

		if (verb_takes(v, g))
			zsh_option(to, g->name, g->value, g->help, strcmp(g->name, "--output") == 0 ? "(table json ndjson csv)" : file ? "_files"
																       : "",
				   false);
	}
	fputs("\t\t\t&& return\n\t\t;;\n", to);
}

static void print_zsh(FILE *to)
{
	const struct verb *v;
	const char *noun;
	size_t at = 0;

	fputs("#compdef postroom\n# Completion of postroom(8) for zsh.\n_postroom()\n{\n\tlocal -a words_known\n\tif (( CURRENT == 2 )); then\n\t\twords_known=(\n", to);
	while ((noun = next_noun(&at)))
		fprintf(to, "\t\t\t'%s'\n", noun);
	fputs("\t\t)\n\t\t_describe -t nouns noun words_known\n\t\treturn\n\tfi\n\tif (( CURRENT == 3 )); then\n\t\twords_known=()\n\t\tcase $words[2] in\n", to);
	at = 0;
	while ((noun = next_noun(&at))) {
		if (!has_words(noun))
			continue;
		fprintf(to, "\t\t%s) words_known=(\n", noun);
		for (size_t i = 0; (v = verb_at(i)); i++) {
			if (strcmp(v->noun, noun) != 0 || !v->verb)
				continue;
			fprintf(to, "\t\t\t'%s:", v->verb);
			print_zsh_text(to, v->summary);
			fputs("'\n", to);
		}
		fputs("\t\t) ;;\n", to);
	}
	fputs("\t\tesac\n\t\tif (( $#words_known )); then\n\t\t\t_describe -t verbs verb words_known\n\t\t\treturn\n\t\tfi\n\tfi\n"
	      "\tlocal name=$words[2]\n\tcase $name in\n\t",
	      to);
	for (size_t i = 0, first = 1; (v = verb_at(i)); i++) {
		if (!v->verb) {
			fprintf(to, "%s%s", first ? "" : " | ", v->noun);
			first = 0;
		}
	}
	fputs(") shift words; (( CURRENT-- )) ;;\n\t*) name=\"$words[2] $words[3]\"; shift 2 words; (( CURRENT -= 2 )) ;;\n\tesac\n\tcase $name in\n", to);
	for (size_t i = 0; (v = verb_at(i)); i++)
		zsh_verb(to, v);
	fputs("\tesac\n}\n_postroom \"$@\"\n", to);
}

/* ---- fish ---- */

static void print_fish_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void fish_condition(FILE *to, const struct verb *v)
{
	fprintf(to, "complete -c postroom -n '__fish_seen_subcommand_from %s", v->noun);
	if (v->verb)
		fprintf(to, "; and __fish_seen_subcommand_from %s", v->verb);
	fputs("' ", to);
}

static void fish_option(FILE *to, const struct verb *v, const char *name, bool value, bool file, const char *choices, const char *help)
{
	fish_condition(to, v);
	fprintf(to, "-l %s", name + 2);
	if (value)
		fputs(file ? " -r -F" : " -x", to);
	if (choices)
		fprintf(to, " -a '%s'", choices);
	fputs(" -d '", to);
	print_fish_text(to, help);
	fputs("'\n", to);
}

static void fish_verb(FILE *to, const struct verb *v)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];
		const char *choices = g->kind == ARGUMENT_YES_NO ? "yes no" : g->choices;

		if (is_option(g) && g->name[1] == '-')
			fish_option(to, v, g->name, g->value, g->kind == ARGUMENT_FILE, choices, help_of(g));
		else if (choices && !is_option(g)) {
			fish_condition(to, v);
			fprintf(to, "-a '%s'\n", choices);
		}
	}
	for (size_t i = 0; i < global_count; i++) {
		const struct global *g = &globals[i];
		bool file = strcmp(g->name, "--config") == 0 || strcmp(g->name, "--ca-file") == 0 || strcmp(g->name, "--token") == 0;

		if (verb_takes(v, g))
			fish_option(to, v, g->name, g->value, file, strcmp(g->name, "--output") == 0 ? "table json ndjson csv" : NULL, g->help);
	}
}

static void print_fish(FILE *to)
{
	const struct verb *v;
	const char *noun;
	size_t at = 0;

	fputs("# Completion of postroom(8) for fish.\ncomplete -c postroom -f\n", to);
	while ((noun = next_noun(&at))) {
		fprintf(to, "complete -c postroom -n __fish_use_subcommand -a %s\n", noun);
		if (!has_words(noun))
			continue;
		for (size_t i = 0; (v = verb_at(i)); i++) {
			if (strcmp(v->noun, noun) != 0 || !v->verb)
				continue;
			fprintf(to, "complete -c postroom -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ", noun);
			print_words_of(to, noun);
			fprintf(to, "' -a %s -d '", v->verb);
			print_fish_text(to, v->summary);
			fputs("'\n", to);
		}
	}
	for (size_t i = 0; (v = verb_at(i)); i++)
		fish_verb(to, v);
}

bool completion_print(FILE *to, const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		print_bash(to);
	else if (strcmp(shell, "zsh") == 0)
		print_zsh(to);
	else if (strcmp(shell, "fish") == 0)
		print_fish(to);
	else
		return false;
	return true;
}
