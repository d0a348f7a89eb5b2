/* queue/hop.h: a next hop that an operator writes: "mx.example.net:25", "192.0.2.1:2525", "[2001:db8::1]:25". */
#ifndef POSTROOM_QUEUE_HOP_H
#define POSTROOM_QUEUE_HOP_H

#include "daemon/directory/directory.h"

/* As a relay host with opportunistic TLS and no password, whose host points into `text`. ERR_SYNTAX. */
enum err hop_parse(struct span text, struct relay_host *out) MUST_CHECK;

#endif
