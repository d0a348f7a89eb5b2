/* violates problem-codes as api/sample.c */
/* api/sample.c: a sample. */
void api_sample(struct api_call *c)
{
	call_reply_problem(c, 404, "gone_fishing", NULL, "nobody is here");
}
/* and as api/openapi/base.json */
{"x-problem-codes": {"not_found": {}}}
