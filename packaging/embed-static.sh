#!/bin/sh
# Writes C that holds every file of a folder, for webui/static_files.h. Usage: embed-static.sh DIR
set -eu
LC_ALL=C
export LC_ALL
cd "$1"

content_type() {
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.js | *.mjs) echo 'text/javascript; charset=utf-8' ;;
	*.json) echo 'application/json' ;;
	*.svg) echo 'image/svg+xml' ;;
	*.png) echo 'image/png' ;;
	*.ico) echo 'image/x-icon' ;;
	*.webp) echo 'image/webp' ;;
	*.woff2) echo 'font/woff2' ;;
	*.txt) echo 'text/plain; charset=utf-8' ;;
	*) echo "$1: no content type is known for this name" >&2; exit 1 ;;
	esac
}

files=$(find . -type f ! -name '.*' | sort)
echo '/* Generated from the static files. */'
echo '#include "webui/static_files.h"'
n=0
for file in $files; do
	n=$((n + 1))
	echo "static const unsigned char bytes_$n[] = {"
	# A 0 behind the last byte: an empty array is not C.
	od -An -v -tu1 "$file" | sed -e 's/  */,/g' -e 's/^,//' -e 's/$/,/'
	echo '0 };'
done
echo 'const struct static_file static_files[] = {'
n=0
for file in $files; do
	n=$((n + 1))
	type=$(content_type "$file")
	hash=$(sha256sum "$file" | cut -c1-32)
	echo "{ \"${file#.}\", bytes_$n, sizeof bytes_$n - 1, \"$type\", \"\\\"$hash\\\"\" },"
done
[ "$n" -gt 0 ] || { echo "$1: no files" >&2; exit 1; }
echo '};'
echo "const size_t static_files_count = $n;"
