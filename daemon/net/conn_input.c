/* net/conn_input.c: input that the session has not used is moved as little as possible: a few bytes to the front of the worker's buffer, much of it not at all. */
#include "daemon/net/conn_input.h"

#define INPUT_SMALL 4096u /* up to here waiting input is moved to the front of the worker's buffer, not grown */

char *conn_room_for_input(struct worker *w, struct conn *c, size_t *size_out)
{
	size_t left = w->left.len;

	if (left <= INPUT_SMALL) {
		if (left > 0 && w->left.ptr != w->in)
			memmove(w->in, w->left.ptr, left);
		w->left = span_make(w->in, left);
		w->left_in_conn = false;
		*size_out = sizeof(w->in) - left;
		return w->in + left;
	}
	if (w->left_in_conn) {
		buf_drop(&c->in, (size_t)(w->left.ptr - c->in.ptr));
	} else {
		buf_reset(&c->in);
		buf_add(&c->in, w->left);
		w->left_in_conn = true;
	}
	*size_out = c->in.max - c->in.len < TLS_RECORD ? c->in.max - c->in.len : TLS_RECORD;
	char *to = buf_reserve(&c->in, *size_out);

	w->left = buf_span(&c->in);
	return to;
}

bool conn_save_input(struct worker *w, struct conn *c)
{
	if (w->left.len == 0) {
		if (c->in.ptr)
			buf_clear(&c->in);
		return true;
	}
	if (w->left_in_conn) {
		if (w->left.ptr != c->in.ptr)
			buf_drop(&c->in, (size_t)(w->left.ptr - c->in.ptr));
		return true;
	}
	buf_clear(&c->in);
	buf_add(&c->in, w->left);
	return !c->in.failed;
}
