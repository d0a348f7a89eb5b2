/* cli/doctor_ground.c: what a running installation stands on, looked at from outside of the daemon: nothing is changed. */
#include "daemon/cli/doctor_ground.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "daemon/base/clock.h"
#include "daemon/net/stream.h"
#include "db/db.h"

#define ROOM_BAD (UINT64_C(128) << 20)
#define ROOM_LOW (UINT64_C(1) << 30)
#define CLOCK_FLOOR_MS INT64_C(1767225600000) /* 2026: this program is not older */
#define CONNECT_MS 1000

static const struct passwd *service_user(const struct config *c)
{
	return c->user ? getpwnam(c->user) : NULL;
}

static bool look_at_folder(struct doctor_rows *rows, const struct config *c)
{
	const struct passwd *user = service_user(c);
	struct stat st;

	if (stat(c->data_dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
		doctor_say(rows, DOCTOR_BAD, "folder", c->data_dir, "postroom setup, or a backup put back", "is not there, or cannot be looked at");
		return false;
	}
	if (user && st.st_uid != user->pw_uid)
		doctor_say(rows, DOCTOR_BAD, "folder", c->data_dir, "chown -R to that user", "belongs to uid %u, not to %s", (unsigned)st.st_uid, c->user);
	else if (st.st_mode & 077)
		doctor_say(rows, DOCTOR_BAD, "folder", c->data_dir, "chmod 700", "is open to others (mode %03o)", (unsigned)st.st_mode & 0777);
	else
		doctor_say(rows, DOCTOR_OK, "folder", c->data_dir, NULL, "there, and nobody else's");
	if (stat(c->secret_key, &st) != 0)
		doctor_say(rows, DOCTOR_BAD, "key", c->secret_key, "put the file back from a backup: without it control.db does not open", "is not there, or cannot be looked at");
	else if (st.st_mode & 077)
		doctor_say(rows, DOCTOR_BAD, "key", c->secret_key, "chmod 600", "is open to others (mode %03o)", (unsigned)st.st_mode & 0777);
	return true;
}

static void look_at_database(struct doctor_rows *rows, const struct config *c, const char *name, const struct db_schema *schema, bool must_be)
{
	struct note why = { "" };
	struct db *db = NULL;
	char *path = NULL;
	enum err e;

	if (asprintf(&path, "%s/%s", c->data_dir, name) < 0)
		return;
	e = db_open(path, schema, DB_READ, &db, &why);
	if (!e)
		e = db_quick_check(db, &why);
	db_close(&db);
	if (e == ERR_OK)
		doctor_say(rows, DOCTOR_OK, "database", name, NULL, "opens, and its pages are sane");
	else if (e == ERR_NOT_FOUND && !must_be)
		doctor_say(rows, DOCTOR_NOTE, "database", name, NULL, "not there yet: the daemon makes it");
	else if (e == ERR_NOT_FOUND)
		doctor_say(rows, DOCTOR_BAD, "database", name, "postroom setup, or a backup put back", "is not there");
	else if (e == ERR_CORRUPT)
		doctor_say(rows, DOCTOR_BAD, "database", name, must_be ? "stop the daemon and put a backup back" : "restart: the daemon puts it aside", "%s", why.text);
	else
		doctor_say(rows, DOCTOR_BAD, "database", name, NULL, "%s", why.text[0] ? why.text : err_name(e));
	free(path);
}

static void look_at_room(struct doctor_rows *rows, const struct config *c)
{
	struct statvfs v;
	uint64_t room;

	if (statvfs(c->data_dir, &v) != 0)
		return;
	room = (uint64_t)v.f_bavail * v.f_frsize;
	doctor_say(rows, room < ROOM_BAD ? DOCTOR_BAD : room < ROOM_LOW ? DOCTOR_NOTE
									: DOCTOR_OK,
		   "disk", c->data_dir, room < ROOM_LOW ? "make room: mail is refused for now when the disk is full" : NULL, "%" PRIu64 " MiB free", room >> 20);
}

static void look_at_clock(struct doctor_rows *rows)
{
	struct timex state = { .modes = 0 };

	if (clock_real_ms() < CLOCK_FLOOR_MS)
		doctor_say(rows, DOCTOR_BAD, "clock", "", "set the clock: certificates and one-time codes fail", "is years behind");
	else if (adjtimex(&state) < 0 || state.status & STA_UNSYNC)
		doctor_say(rows, DOCTOR_NOTE, "clock", "", "timedatectl set-ntp true", "is not kept by a time service, as far as the kernel knows");
	else
		doctor_say(rows, DOCTOR_OK, "clock", "", NULL, "is kept by a time service");
}

/* A wildcard address is asked on loopback. */
static struct net_addr reachable(const struct net_addr *at)
{
	static const uint8_t any[sizeof(at->ip)];
	struct net_addr to = *at, loopback;

	if (memcmp(at->ip, any, sizeof(any)) == 0 && net_ip_parse(at->family == NET_IPV6 ? SPAN("::1") : SPAN("127.0.0.1"), &loopback) == ERR_OK) {
		to = loopback;
		to.port = at->port;
	}
	return to;
}

static void look_at_ports(struct doctor_rows *rows, const struct config *c)
{
	for (size_t i = 0; i < c->listener_count; i++) {
		struct net_addr to = reachable(&c->listeners[i].at);
		struct net_addr_text text = net_addr_text(&c->listeners[i].at);
		struct stream *s = NULL;
		struct note why = { "" };

		if (stream_connect(&to, CONNECT_MS, &s, &why) == ERR_OK)
			doctor_say(rows, DOCTOR_OK, "port", text.text, NULL, "somebody listens");
		else
			doctor_say(rows, DOCTOR_BAD, "port", text.text, "restart the daemon; its log says why", "%s", why.text[0] ? why.text : "nobody answers");
		stream_close(&s);
	}
}

void doctor_ground(struct doctor_rows *rows, const struct config *c, bool daemon_runs)
{
	doctor_say(rows, DOCTOR_OK, "config", c->path, NULL, "can be read");
	if (look_at_folder(rows, c)) {
		if (db_init() == ERR_OK) {
			look_at_database(rows, c, "control.db", &db_schema_control, true);
			look_at_database(rows, c, "queue.db", &db_schema_queue, true);
			look_at_database(rows, c, "trace.db", &db_schema_trace, false);
		}
		look_at_room(rows, c);
	}
	look_at_clock(rows);
	if (daemon_runs)
		look_at_ports(rows, c);
	else
		doctor_say(rows, DOCTOR_NOTE, "daemon", "", "postroom serve, or systemctl start postroom", "does not run");
}
