/* violates header-guard as daemon/base/sample.h */
/* base/sample.h: a sample. */
#ifndef SAMPLE_H
#define SAMPLE_H

#endif
