/* events/event_record.c: size, id, time, type; then texts with their lengths. Names of fields end in NUL, so that they serve where they lie.
 * Numbers lie as the machine has them: trace.db does not travel between machines of different kinds; the type is its name, as types may come to be. */
#include "daemon/events/event_record.h"

#define NAME_MAX_BYTES 31u

struct head {
	uint64_t id;
	int64_t at_ms;
	uint32_t size;
	uint8_t type_len, field_count;
	uint16_t subject_len, domain_len;
	uint8_t padding[6];
};

static const char *const names[EVENT_COUNT] = {
	[EVENT_DAEMON_STARTED] = "daemon.started",
	[EVENT_DAEMON_STOPPING] = "daemon.stopping",
	[EVENT_MESSAGE_RECEIVED] = "message.received",
	[EVENT_MESSAGE_SUBMITTED] = "message.submitted",
	[EVENT_MESSAGE_DELIVERED] = "message.delivered",
	[EVENT_MESSAGE_DEFERRED] = "message.deferred",
	[EVENT_MESSAGE_BOUNCED] = "message.bounced",
	[EVENT_MESSAGE_REJECTED] = "message.rejected",
	[EVENT_QUEUE_CHANGED] = "queue.changed",
	[EVENT_LOGIN_SUCCEEDED] = "login.succeeded",
	[EVENT_LOGIN_FAILED] = "login.failed",
	[EVENT_LOGIN_REFUSED] = "login.refused",
	[EVENT_LOGIN_NEW_DEVICE] = "login.new_device",
	[EVENT_DOMAIN_CHANGED] = "domain.changed",
	[EVENT_USER_CHANGED] = "user.changed",
	[EVENT_ALIAS_CHANGED] = "alias.changed",
	[EVENT_RELAY_CHANGED] = "relay.changed",
	[EVENT_SETTING_CHANGED] = "setting.changed",
	[EVENT_CERTIFICATE_CHANGED] = "certificate.changed",
	[EVENT_ADMIN_CHANGED] = "admin.changed",
	[EVENT_TOKEN_CHANGED] = "token.changed",
	[EVENT_WEBHOOK_CHANGED] = "webhook.changed",
	[EVENT_JOB_CHANGED] = "job.changed",
	[EVENT_WEBHOOK_FAILING] = "webhook.failing",
	[EVENT_SENDING_STOPPED] = "sending.stopped",
	[EVENT_SENDING_RELEASED] = "sending.released",
	[EVENT_MESSAGE_HELD] = "message.held",
	[EVENT_DESTINATION_CHANGED] = "destination.changed",
	[EVENT_SUPPRESSION_CHANGED] = "suppression.changed",
	[EVENT_HOLD_RULE_CHANGED] = "hold_rule.changed",
	[EVENT_TLS_RULE_CHANGED] = "tls_rule.changed",
	[EVENT_ACCOUNT_DAMAGED] = "account.damaged",
	[EVENT_GRANT_CHANGED] = "grant.changed",
};

const char *event_name(enum event_type type)
{
	return (size_t)type < EVENT_COUNT ? names[type] : "";
}

/* What of it still fits. */
static struct span cut(struct span s, size_t *room)
{
	struct span kept = span_take(s, *room);

	while (kept.len < s.len && kept.len > 0 && ((uint8_t)s.ptr[kept.len] & 0xc0) == 0x80)
		kept.len--;
	*room -= kept.len;
	return kept;
}

static char *put(char *to, const void *from, size_t len)
{
	if (len)
		memcpy(to, from, len);
	return to + len;
}

size_t event_encode(const struct event *event, char out[EVENT_RECORD_MAX])
{
	const char *type = event_name(event->type);
	size_t room = EVENT_BYTES_MAX;
	struct span subject = cut(event->subject, &room), domain = cut(event->domain, &room);
	struct head head = { .at_ms = event->at_ms, .type_len = (uint8_t)strlen(type), .field_count = (uint8_t)(event->field_count < EVENT_FIELDS_MAX ? event->field_count : EVENT_FIELDS_MAX), .subject_len = (uint16_t)subject.len, .domain_len = (uint16_t)domain.len };
	char *to = out + sizeof(head);

	to = put(to, type, head.type_len);
	to = put(to, subject.ptr, subject.len);
	to = put(to, domain.ptr, domain.len);
	for (size_t i = 0; i < head.field_count; i++) {
		uint8_t name_len = (uint8_t)strnlen(event->fields[i].name, NAME_MAX_BYTES);
		struct span value = cut(event->fields[i].value, &room);
		uint16_t len = (uint16_t)value.len;

		to = put(to, &name_len, sizeof(name_len));
		to = put(to, &len, sizeof(len));
		to = put(to, event->fields[i].name, name_len);
		*to++ = '\0';
		to = put(to, value.ptr, len);
	}
	head.size = (uint32_t)(to - out);
	memcpy(out, &head, sizeof(head));
	return head.size;
}

void event_set_id(char *record, uint64_t id)
{
	memcpy(record, &id, sizeof(id));
}

static bool take(struct span *rest, size_t len, struct span *out)
{
	if (rest->len < len)
		return false;
	*out = span_take(*rest, len);
	*rest = span_make(rest->ptr + len, rest->len - len);
	return true;
}

static bool take_field(struct span *rest, struct event_field *out)
{
	struct span lengths, name;
	uint8_t name_len;
	uint16_t len;

	if (!take(rest, sizeof(name_len) + sizeof(len), &lengths))
		return false;
	memcpy(&name_len, lengths.ptr, sizeof(name_len));
	memcpy(&len, lengths.ptr + sizeof(name_len), sizeof(len));
	if (!take(rest, (size_t)name_len + 1, &name) || name.ptr[name_len] != '\0')
		return false;
	out->name = name.ptr;
	return take(rest, len, &out->value);
}

/* A type of a later release, seen after going back: passed over. */
static enum event_type type_of(struct span name)
{
	int type = 0;

	while (type < EVENT_COUNT && !span_equals(name, span_str(names[type])))
		type++;
	return (enum event_type)type;
}

enum err event_decode(struct span *rest, struct event *out)
{
	struct span one, type;
	struct head head;

	if (!rest->len)
		return ERR_NOT_FOUND;
	if (rest->len < sizeof(head))
		return ERR_CORRUPT;
	memcpy(&head, rest->ptr, sizeof(head));
	if (head.size < sizeof(head) || !take(rest, head.size, &one) || head.field_count > EVENT_FIELDS_MAX)
		return ERR_CORRUPT;
	one = span_make(one.ptr + sizeof(head), one.len - sizeof(head));
	*out = (struct event){ .id = head.id, .at_ms = head.at_ms, .field_count = head.field_count };
	if (!take(&one, head.type_len, &type) || !take(&one, head.subject_len, &out->subject) || !take(&one, head.domain_len, &out->domain))
		return ERR_CORRUPT;
	out->type = type_of(type);
	for (size_t i = 0; i < out->field_count; i++)
		if (!take_field(&one, &out->fields[i]))
			return ERR_CORRUPT;
	return ERR_OK;
}
