/* webui/entrance.h: how a connection came in: what the pump knows of it and the server must. Travels inside the socket address that the
 * library keeps for each connection.
 */
#ifndef POSTROOM_WEBUI_ENTRANCE_H
#define POSTROOM_WEBUI_ENTRANCE_H

#include "daemon/net/addr.h"

struct entrance {
	uint64_t link;               /* the pump's name of it */
	struct net_addr from, local; /* `from` as a PROXY header said, when one came */
	bool is_local;               /* the admin socket: root or the service's user */
	uint32_t uid;                /* of is_local */
	bool secure;                 /* TLS */
	bool signed_elsewhere;       /* the certificate is not self-signed */
};

#endif
