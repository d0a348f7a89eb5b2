/* webui/security.c: what a browser is told to refuse. */
#include "webui/security.h"

/* Scripts, styles and pictures come from here, nothing stands inline (DESIGN section 8). Passkeys stay allowed. */
const struct security_header security_headers[] = {
	{ "Content-Security-Policy", "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()" },
};
const size_t security_headers_count = sizeof security_headers / sizeof security_headers[0];
