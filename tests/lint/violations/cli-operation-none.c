/* violates cli-operation as daemon/cli/sample.c */
/* cli/sample.c: a sample. */
static const struct verb list[] = {
	{ .noun = "version", .kind = VERB_VERSION },
	{ .noun = "user", .verb = "ls", .kind = VERB_LIST },
};
/* and as api/operations.h */
#define OPERATIONS(X) \
	X(users_list, "GET", "/api/v1/users")
