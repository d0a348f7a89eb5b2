/* violates must-check as daemon/base/sample.h */
/* base/sample.h: a sample. */
#ifndef POSTROOM_BASE_SAMPLE_H
#define POSTROOM_BASE_SAMPLE_H

enum err sample_open(const char *path);

#endif
