#!/bin/sh
# Writes C that holds the files of a folder, base.json first, for api/openapi_fragments.h. Usage: embed-openapi.sh DIR
set -eu
LC_ALL=C
export LC_ALL
cd "$1"
[ -f base.json ] || { echo "$1: no base.json" >&2; exit 1; }
files="base.json $(find . -maxdepth 1 -type f -name '*.json' ! -name base.json | sed 's|^\./||' | sort)"
echo '/* Generated from the OpenAPI fragments. */'
echo '#include "api/openapi_fragments.h"'
n=0
for file in $files; do
	n=$((n + 1))
	echo "static const unsigned char bytes_$n[] = {"
	# A 0 behind the last byte: an empty array is not C.
	od -An -v -tu1 "$file" | sed -e 's/  */,/g' -e 's/^,//' -e 's/$/,/'
	echo '0 };'
done
echo 'const struct openapi_fragment openapi_fragments[] = {'
n=0
for file in $files; do
	n=$((n + 1))
	echo "{ \"$file\", bytes_$n, sizeof bytes_$n - 1 },"
done
echo '};'
echo "const size_t openapi_fragments_count = $n;"
