/* cli/input.c: what people type and files hold. */
#include "daemon/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void read_line(struct buf *out)
{
	char c;

	while (!interrupted && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		buf_add_char(out, c);
}

/* Without echo; a signal that ends us finds the terminal as it was. */
static void ask_terminal(struct buf *out)
{
	static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction note = { .sa_handler = on_signal };
	struct sigaction before[4];
	struct termios old, quiet;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return;
	for (int i = 0; i < 4; i++)
		sigaction(deadly[i], &note, &before[i]);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* Silent before it is asked: what is typed at once is neither shown nor lost. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs("Password: ", stderr);
	read_line(out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputs("\n", stderr);
	for (int i = 0; i < 4; i++)
		sigaction(deadly[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
}

enum err input_password(struct buf *out, struct note *why)
{
	if (isatty(STDIN_FILENO))
		ask_terminal(out);
	else
		read_line(out);
	if (out->len > 0 && out->ptr[out->len - 1] == '\r')
		out->len--;
	if (out->failed || out->len == 0 || memchr(out->ptr, '\0', out->len)) {
		note_set(why, out->failed || out->len > 0 ? "the password on standard input is too long, or has a NUL in it" : "no password came on standard input");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

enum err input_file(const char *path, struct buf *out, struct note *why)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0) {
		note_set_errno(why, errno, "%s", path);
		return ERR_SYNTAX;
	}
	while (got > 0) {
		char *to = buf_reserve(out, 65536);

		got = to ? read(fd, to, 65536) : 0;
		if (got > 0)
			buf_grew(out, (size_t)got);
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (got < 0)
		note_set_errno(why, errno, "%s", path);
	else if (out->failed)
		note_set(why, "%s: larger than %zu bytes", path, out->max - 65536);
	if (!standard)
		close(fd);
	return got < 0 || out->failed ? ERR_SYNTAX : ERR_OK;
}

bool input_confirm(const char *question, bool *terminal_out)
{
	struct buf answer;
	struct span said;
	bool yes;

	*terminal_out = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	if (!*terminal_out)
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	buf_init(&answer, 256);
	read_line(&answer);
	said = span_trim(buf_span(&answer));
	yes = span_iequals(said, SPAN("y")) || span_iequals(said, SPAN("yes"));
	buf_clear(&answer);
	return yes;
}
