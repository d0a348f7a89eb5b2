/* cli/sendmail_options.c: options of sendmail(1): those of Sendmail, Postfix and Exim that programs use. What only tunes a queue or a
 * daemon that is not ours is read and let be. */
#include "daemon/cli/sendmail_options.h"

#include <string.h>
#include <unistd.h>

/* "+": the first word that is no option ends them. */
static const char known[] = "+:A:B:C:F:GIL:N:O:R:UV:X:b:d:e:f:h:imno:p:q::r:tvx";

static void read_mode(char mode, struct sendmail_options *out)
{
	switch (mode) {
	case 'm': out->mode = SENDMAIL_SEND; break;
	case 's': out->mode = SENDMAIL_SMTP; break;
	case 'p': out->mode = SENDMAIL_LIST; break;
	case 'i': out->mode = SENDMAIL_ALIASES; break;
	case 'd':
	case 'D':
	case 'l': out->mode = SENDMAIL_DAEMON; break;
	default:
		out->mode = SENDMAIL_UNKNOWN;
		out->unknown_mode = mode;
		break;
	}
}

static void take_option(int option, const char *value, struct sendmail_options *out)
{
	switch (option) {
	case 'b': read_mode(value[0], out); break;
	case 'C': out->config = value; break;
	case 'F': out->name = value; break;
	case 'f':
	case 'r': out->sender = value; break;
	case 'I': out->mode = SENDMAIL_ALIASES; break;
	case 'i': out->ignore_dots = true; break;
	case 'o':
		if (value[0] == 'i')
			out->ignore_dots = true;
		break;
	case 'O':
		if (strncmp(value, "IgnoreDots", 10) == 0)
			out->ignore_dots = true;
		break;
	case 't': out->from_header = true; break;
	case 'q':
		/* -q1h beside -bd is how often a daemon looks; alone, as Postfix has it, nothing to do. */
		if (out->mode == SENDMAIL_SEND && (!value || value[0] < '0' || value[0] > '9'))
			out->mode = SENDMAIL_FLUSH;
		break;
	default: break;
	}
}

enum err sendmail_options_read(int argc, char **argv, struct sendmail_options *out, struct note *why)
{
	int option;

	*out = (struct sendmail_options){ .mode = SENDMAIL_SEND };
	optind = 1;
	opterr = 0;
	while ((option = getopt(argc, argv, known)) != -1) {
		if (option == '?' || option == ':') {
			note_set(why, option == ':' ? "-%c needs a value" : "unknown option -%c", optopt);
			return ERR_SYNTAX;
		}
		take_option(option, optarg, out);
	}
	out->recipients = argv + optind;
	out->recipient_count = (size_t)(argc - optind);
	return ERR_OK;
}
