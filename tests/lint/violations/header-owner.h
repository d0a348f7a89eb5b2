/* violates header-owner as daemon/base/sample.h */
/* base/sample.h: a sample. */
#ifndef POSTROOM_BASE_SAMPLE_H
#define POSTROOM_BASE_SAMPLE_H

void sample_do(int n);

#endif
/* and as daemon/net/sample.c */
/* net/sample.c: a sample. */
void sample_do(int n)
{
	(void)n;
}
