#!/bin/sh
# Writes C that embeds db/migrations/<schema>/NNNN.sql, in order of their numbers, as `struct db_schema` texts. Usage: embed-migrations.sh DIR
set -eu
dir=$1
echo '/* Generated from the migrations. */'
echo '#include "db/migrations.h"'
for schema in "$dir"/*/; do
	name=$(basename "$schema")
	n=0
	echo "const char *const db_migrations_$name[] = {"
	for f in "$schema"*.sql; do
		n=$((n + 1))
		[ "$(basename "$f")" = "$(printf '%04d.sql' "$n")" ] || { echo "$f: expected number $n" >&2; exit 1; }
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$f"
		echo '	,'
	done
	echo '};'
	echo "const size_t db_migrations_${name}_count = $n;"
done
