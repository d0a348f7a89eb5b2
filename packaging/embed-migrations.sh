#!/bin/sh
# Writes C that defines db_schema_<schema> from db/migrations/<schema>/NNNN.sql, in order of their numbers. Usage: embed-migrations.sh DIR
set -eu
dir=$1
echo '/* Generated from the migrations. */'
echo '#include "db/db.h"'
for schema in "$dir"/*/; do
	name=$(basename "$schema")
	# Derived and statistical data may lose its last moments.
	case $name in search | trace | relay) durability=DB_NORMAL ;; *) durability=DB_FULL ;; esac
	n=0
	echo "static const char *const migrations_$name[] = {"
	for f in "$schema"*.sql; do
		n=$((n + 1))
		[ "$(basename "$f")" = "$(printf '%04d.sql' "$n")" ] || { echo "$f: expected number $n" >&2; exit 1; }
		echo '	(' # one long literal, not a comma forgotten
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$f"
		echo '	),'
	done
	echo '};'
	echo "const struct db_schema db_schema_$name = { \"$name\", $durability, migrations_$name, $n };"
done
