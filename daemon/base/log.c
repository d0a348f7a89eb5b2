/* base/log.c: one line per event, in one write(2). */
#include "daemon/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define LINE_BYTES 2000
#define QUOTED_BYTES 200

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static _Atomic int least_level = LOG_INFO;
static pthread_once_t stream_once = PTHREAD_ONCE_INIT;
static bool is_journal;

enum err log_level_parse(struct span name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
		if (span_equals(name, span_str(level_names[i]))) {
			*out = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* systemd.exec(5): JOURNAL_STREAM is device:inode of the stream; it may be inherited by who has redirected standard error since. */
static void look_at_stream(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	is_journal = span_equals(span_str(stream), span_str(ours));
}

/* "2026-01-01T00:00:00.000Z "; returns its length. */
static size_t add_time(char *to, size_t size)
{
	int64_t now_ms = clock_real_ms();
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;
	int len;

	if (!gmtime_r(&now, &tm))
		return 0;
	len = snprintf(to, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		       tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now_ms % 1000));
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* What snprintf says it wanted, against what there was. */
static size_t added(int wanted, size_t room)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void log_event(enum log_level level, const char *module, const char *event, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_BYTES];
	size_t len = 0;
	ssize_t written;
	va_list args;

	if (!log_enabled(level))
		return;
	pthread_once(&stream_once, look_at_stream);
	if (!is_journal)
		len = add_time(line, sizeof line);
	len += added(snprintf(line + len, sizeof line - len, "%s %s %s", level_names[level], module, event), sizeof line - len);
	if (format && *format && len + 2 < sizeof line) {
		line[len++] = ' ';
		va_start(args, format);
		len += added(vsnprintf(line + len, sizeof line - len, format, args), sizeof line - len);
		va_end(args);
	}
	/* Values pass log_quote(); should one not, it still cannot start a line of its own. */
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	do
		written = write(STDERR_FILENO, line, len);
	while (written < 0 && errno == EINTR);
	errno = saved_errno;
}

/* Bytes at the front that may stand as they are: one printable character of well-formed UTF-8. */
static size_t plain_len(struct span s)
{
	size_t len = span_utf8_len(s);

	if (len == 1 && ((unsigned char)s.ptr[0] < ' ' || s.ptr[0] == '"' || s.ptr[0] == '\\' || s.ptr[0] == 0x7f))
		return 0;
	/* U+0080 to U+009F: terminals obey these too. */
	if (len == 2 && (unsigned char)s.ptr[0] == 0xc2 && (unsigned char)s.ptr[1] < 0xa0)
		return 0;
	return len;
}

struct log_text log_quote(struct span s)
{
	static const char digits[] = "0123456789abcdef";
	struct log_text out;
	size_t at = 0;
	size_t len;

	out.text[at++] = '"';
	while (s.len) {
		len = plain_len(s);
		if (at + (len ? len : 4) > QUOTED_BYTES + 1) {
			memcpy(out.text + at, "...", 3);
			at += 3;
			break;
		}
		if (len) {
			memcpy(out.text + at, s.ptr, len);
			at += len;
		} else {
			out.text[at++] = '\\';
			out.text[at++] = 'x';
			out.text[at++] = digits[(unsigned char)s.ptr[0] >> 4];
			out.text[at++] = digits[s.ptr[0] & 15];
			len = 1;
		}
		s = span_skip(s, len);
	}
	out.text[at++] = '"';
	out.text[at] = '\0';
	return out;
}
