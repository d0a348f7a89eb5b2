/* relay/offers.c: see offers.h. The first line of the answer is the server's name and greeting; a server whose name is that of an extension
 * is none that we know of. */
#include "daemon/relay/offers.h"

static uint64_t read_number(struct span text)
{
	uint64_t number;

	return span_to_u64(text, UINT64_MAX, &number) == ERR_OK ? number : 0;
}

static void read_auth(struct offers *o, struct span mechanisms)
{
	struct span word;

	while (span_split(&mechanisms, ' ', &word)) {
		o->auth_plain = o->auth_plain || span_iequals(word, SPAN("PLAIN"));
		o->auth_login = o->auth_login || span_iequals(word, SPAN("LOGIN"));
	}
}

/* LIMITS SP name=value *( SP name=value )   (RFC 9422 section 3) */
static void read_limits(struct offers *o, struct span limits)
{
	struct span word, name;

	while (span_split(&limits, ' ', &word)) {
		if (!span_split(&word, '=', &name) || !word.ptr)
			continue;
		if (span_iequals(name, SPAN("RCPTMAX")))
			o->rcpt_max = read_number(word);
		else if (span_iequals(name, SPAN("MAILMAX")))
			o->mail_max = read_number(word);
		else if (span_iequals(name, SPAN("RCPTDOMAINMAX")))
			o->rcpt_domain_max = read_number(word);
	}
}

/* Options stand behind commas; the first is the shortest time. */
static void read_deliver_by(struct offers *o, struct span options)
{
	struct span first;

	o->deliver_by = true;
	o->deliver_by_min_s = span_split(&options, ',', &first) ? read_number(span_trim(first)) : 0;
}

static void read_parameters(struct offers *o, struct span word, struct span rest)
{
	if (span_iequals(word, SPAN("SIZE"))) {
		o->size = true;
		o->size_max = read_number(span_trim(rest));
	} else if (span_iequals(word, SPAN("AUTH"))) {
		read_auth(o, rest);
	} else if (span_iequals(word, SPAN("LIMITS"))) {
		read_limits(o, rest);
	} else if (span_iequals(word, SPAN("DELIVERBY"))) {
		read_deliver_by(o, rest);
	}
}

void offers_read(void *offers, struct span line)
{
	struct offers *o = offers;
	const struct {
		struct span word;
		bool *offered;
	} plain[] = {
		{ SPAN("PIPELINING"), &o->pipelining },
		{ SPAN("8BITMIME"), &o->eightbit },
		{ SPAN("BINARYMIME"), &o->binary },
		{ SPAN("CHUNKING"), &o->chunking },
		{ SPAN("SMTPUTF8"), &o->utf8 },
		{ SPAN("STARTTLS"), &o->start_tls },
		{ SPAN("DSN"), &o->dsn },
		{ SPAN("REQUIRETLS"), &o->require_tls },
		{ SPAN("MT-PRIORITY"), &o->priority },
	};
	struct span word;

	if (!span_split(&line, ' ', &word))
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (span_iequals(word, plain[i].word)) {
			*plain[i].offered = true;
			return;
		}
	}
	read_parameters(o, word, line);
}
