/* violates typedef-struct as daemon/base/sample.h */
/* base/sample.h: a sample. */
#ifndef POSTROOM_BASE_SAMPLE_H
#define POSTROOM_BASE_SAMPLE_H

typedef struct sample sample_t;

#endif
