/* api/operation.c: the table of operations as text. */
#include "api/operation.h"

#include <stddef.h>
#include <string.h>

#include "api/operations.h"

bool operation_find(const char *id, const char **method_out, const char **path_out)
{
	static const struct {
		const char *id, *method, *path;
	} table[] = {
#define ROW(name, method, path) { #name, method, path },
		OPERATIONS(ROW)
#undef ROW
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(table[i].id, id) == 0) {
			*method_out = table[i].method;
			*path_out = table[i].path;
			return true;
		}
	}
	return false;
}
