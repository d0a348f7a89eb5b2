/* relay/content.c: see content.h. Bytes are passed on in the longest runs there are; a run ends before a dot that begins a line. */
#include "daemon/relay/content.h"

/* From inside a line to behind its end, or to the end of the bytes. */
static enum err scan_line(struct stuffer *s, struct span bytes, size_t *at)
{
	const char *from = bytes.ptr + *at;
	size_t left = bytes.len - *at;
	const char *lf, *cr;

	if (s->cr) {
		if (*from != '\n')
			return ERR_CORRUPT;
		s->cr = s->in_line = false;
		*at += 1;
		return ERR_OK;
	}
	lf = memchr(from, '\n', left);
	cr = memchr(from, '\r', lf ? (size_t)(lf - from) : left);
	if (lf) {
		if (!cr || cr + 1 != lf)
			return ERR_CORRUPT;
		s->in_line = false;
		*at += (size_t)(lf - from) + 1;
		return ERR_OK;
	}
	if (cr && cr + 1 != from + left)
		return ERR_CORRUPT;
	s->in_line = true;
	s->cr = cr != NULL;
	*at = bytes.len;
	return ERR_OK;
}

enum err stuffer_add(struct stuffer *s, struct span bytes, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	size_t run = 0, at = 0;
	enum err e = ERR_OK;

	while (at < bytes.len && e == ERR_OK) {
		if (!s->in_line && bytes.ptr[at] == '.') {
			/* Up to and with the dot; the next run begins with it again. */
			e = write(arg, span_make(bytes.ptr + run, at + 1 - run));
			if (e != ERR_OK)
				return e;
			run = at;
		}
		s->in_line = true;
		e = scan_line(s, bytes, &at);
	}
	if (e == ERR_OK && at > run)
		e = write(arg, span_make(bytes.ptr + run, at - run));
	return e;
}

enum err stuffer_finish(struct stuffer *s, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	if (s->cr)
		return ERR_CORRUPT;
	return write(arg, s->in_line ? SPAN("\r\n.\r\n") : SPAN(".\r\n"));
}
