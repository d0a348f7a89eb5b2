/* violates secret-wipe as daemon/auth/sample.c */
/* auth/sample.c: a sample. */
static void sample(char *password, size_t len)
{
	memset(password, 0, len);
}
