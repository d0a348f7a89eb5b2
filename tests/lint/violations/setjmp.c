/* violates setjmp as daemon/base/sample.c */
/* base/sample.c: a sample. */
static void give_up(void)
{
	longjmp(place, 1);
}
