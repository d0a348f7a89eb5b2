/* auth/sasl.c: the message of SASL PLAIN.
 *
 *   message = [authzid] UTF8NUL authcid UTF8NUL passwd      ; RFC 4616 2; authcid and passwd are not empty and hold no NUL
 */
#include "daemon/auth/auth.h"

enum err auth_sasl_plain(struct span message, struct span *login_out, struct span *password_out)
{
	struct span authzid, authcid, password;
	size_t at;

	if (!span_find_char(message, '\0', &at))
		return ERR_SYNTAX;
	authzid = span_take(message, at);
	message = span_skip(message, at + 1);
	if (!span_find_char(message, '\0', &at))
		return ERR_SYNTAX;
	authcid = span_take(message, at);
	password = span_skip(message, at + 1);
	if (authcid.len == 0 || password.len == 0 || span_find_char(password, '\0', &at))
		return ERR_SYNTAX;
	if (!span_is_utf8(authzid) || !span_is_utf8(authcid) || !span_is_utf8(password))
		return ERR_SYNTAX;
	if (authzid.len > 0 && !span_equals(authzid, authcid))
		return ERR_DENIED;
	*login_out = authcid;
	*password_out = password;
	return ERR_OK;
}
