/* ops/config.h: the configuration file: what is needed to open the data and the ports, nothing else.
 *
 *   key = value            one a line; '#' begins a comment line
 *   [listen]               then: SERVICE = ADDR:PORT, repeatable
 *
 * Paths that are not absolute count from the folder of the file. Everything is checked before anything is touched.
 */
#ifndef POSTROOM_OPS_CONFIG_H
#define POSTROOM_OPS_CONFIG_H

#include "daemon/base/arena.h"
#include "daemon/base/log.h"
#include "daemon/net/addr.h"

#define CONFIG_MAX_BYTES (64u * 1024u)
#define CONFIG_MAX_LISTENERS 64
#define CONFIG_MAX_NETWORKS 64

enum listen_service {
	LISTEN_MX,
	LISTEN_LMTP,
	LISTEN_SUBMISSION,
	LISTEN_SUBMISSIONS,
	LISTEN_IMAP,
	LISTEN_IMAPS,
	LISTEN_POP3,
	LISTEN_POP3S,
	LISTEN_HTTP,
	LISTEN_HTTPS,
};

struct config_listener {
	enum listen_service service;
	struct net_addr at;
};

struct config {
	struct arena arena; /* owns all text below */
	const char *path;
	const char *data_dir, *run_dir;
	const char *user; /* null: whoever starts it */
	const char *secret_key;
	const char *resolver;
	const char *trust_anchor; /* null: the default file is not there; a named one must be */
	const char *tls_ca_file;  /* null: the system's */
	enum log_level log_level;
	uint16_t relay_port;
	struct net_cidr trusted[CONFIG_MAX_NETWORKS];
	size_t trusted_count;
	struct net_cidr proxies[CONFIG_MAX_NETWORKS]; /* before the web server (X-Forwarded-For) and the mail ports (PROXY protocol) */
	size_t proxy_count;
	struct config_listener listeners[CONFIG_MAX_LISTENERS];
	size_t listener_count;
};

/* `why` gets one line "FILE:LINE: what is wrong". ERR_SYNTAX; ERR_NOT_FOUND and ERR_DENIED when the file can't be read.
 * On error `out` is cleared already. */
enum err config_read(const char *path, struct config *out, struct note *why) MUST_CHECK;
/* The same for text that was read; `path` names it in messages and gives the folder. */
enum err config_parse(const char *path, struct span text, struct config *out, struct note *why) MUST_CHECK;
/* That the trust_anchor and tls_ca_file that the file names hold what their keys promise: ERR_SYNTAX and `why`. Changes nothing. */
enum err config_check_files(const struct config *c, struct note *why) MUST_CHECK;
void config_clear(struct config *c);

/* run_dir/admin.sock and the like, in the config's arena. */
const char *config_path(struct config *c, const char *dir, const char *name);

/* What can stand in the file, for the manual. */
struct config_key {
	const char *name, *fallback, *help; /* fallback: what holds without it */
	bool repeatable;
};
struct config_service {
	const char *name, *help;
};
const struct config_key *config_key(size_t index);         /* null behind the last */
const struct config_service *config_service(size_t index); /* the same */

#endif
