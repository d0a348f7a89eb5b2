/* violates reply-writer as daemon/smtp/sample.c */
/* smtp/sample.c: a sample. */
static void sample(struct out *o)
{
	out_add(o, SPAN("250 2.0.0 fine\r\n"));
}
