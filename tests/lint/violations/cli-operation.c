/* violates cli-operation as daemon/cli/sample.c */
/* cli/sample.c: a sample. */
static const struct verb sample = { .noun = "user", .verb = "ls", .operation = "users_lst" };
/* and as api/operations.h */
#define OPERATIONS(X) \
	X(users_list, "GET", "/api/v1/users")
