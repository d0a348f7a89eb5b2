/* violates test-includes-c as tests/unit/base/sample_test.c */
/* base/sample.h */
#include "daemon/base/sample.c"
