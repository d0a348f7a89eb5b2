/* mime/fields.c: see the header. */
#include "daemon/mime/fields.h"

#include "daemon/mime/header.h"

static const struct span names[FIELD_COUNT] = {
	[FIELD_DATE] = SPAN("Date"),
	[FIELD_SUBJECT] = SPAN("Subject"),
	[FIELD_FROM] = SPAN("From"),
	[FIELD_SENDER] = SPAN("Sender"),
	[FIELD_REPLY_TO] = SPAN("Reply-To"),
	[FIELD_TO] = SPAN("To"),
	[FIELD_CC] = SPAN("Cc"),
	[FIELD_BCC] = SPAN("Bcc"),
	[FIELD_IN_REPLY_TO] = SPAN("In-Reply-To"),
	[FIELD_REFERENCES] = SPAN("References"),
	[FIELD_MESSAGE_ID] = SPAN("Message-ID"),
	[FIELD_CONTENT_TYPE] = SPAN("Content-Type"),
	[FIELD_CONTENT_ID] = SPAN("Content-ID"),
	[FIELD_CONTENT_DESCRIPTION] = SPAN("Content-Description"),
	[FIELD_CONTENT_TRANSFER_ENCODING] = SPAN("Content-Transfer-Encoding"),
	[FIELD_CONTENT_MD5] = SPAN("Content-MD5"),
	[FIELD_CONTENT_DISPOSITION] = SPAN("Content-Disposition"),
	[FIELD_CONTENT_LANGUAGE] = SPAN("Content-Language"),
	[FIELD_CONTENT_LOCATION] = SPAN("Content-Location"),
};

void fields_read(struct span header, struct fields *out)
{
	struct header_field field;

	*out = (struct fields){ { { NULL, 0 } } };
	while (header_next(&header, &field))
		for (size_t i = 0; i < FIELD_COUNT; i++)
			if (field.name.len == names[i].len && span_iequals(field.name, names[i])) {
				if (!out->raw[i].ptr)
					out->raw[i] = field.value;
				break;
			}
}
