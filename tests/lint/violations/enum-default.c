/* violates enum-default as daemon/base/sample.c */
/* base/sample.c: a sample. */
enum colour { COLOUR_RED, COLOUR_BLUE };

static int sample(enum colour c)
{
	switch (c) {
	case COLOUR_RED: return 1;
	default: return 0;
	}
}
