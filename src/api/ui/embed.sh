#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The page's files as C: embed.sh FILE... prints the table of api/ui_file.h. Each file is there
# twice, as it is and compressed, so that no answer has to be compressed again. Needs gzip,
# sha256sum and od alone.
set -eu
bytes() { # NAME < bytes
    echo "static const unsigned char $1[] = {"
    od -An -v -tx1 | sed -e 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '};'
}
type_of() {
    case $1 in
    *.html) echo 'text/html; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *) echo "embed.sh: what is $1?" >&2; exit 1 ;;
    esac
}
echo '/* Made by src/api/ui/embed.sh; do not edit. */'
echo '#include "api/ui_file.h"'
n=0
for file; do
    n=$((n + 1))
    bytes "plain_$n" <"$file"
    gzip -9 -n -c "$file" | bytes "gzip_$n"
done
echo 'const struct ui_file ui_file_table[] = {'
n=0
for file; do
    n=$((n + 1))
    name=${file##*/}
    [ "$name" != index.html ] || name=
    type=$(type_of "$file")
    etag=$(sha256sum "$file" | cut -c 1-16)
    echo "    {\"$name\", \"$type\", \"W/\\\"$etag\\\"\", plain_$n, sizeof(plain_$n), gzip_$n, sizeof(gzip_$n)},"
done
echo '};'
echo 'const int ui_file_table_n = sizeof(ui_file_table) / sizeof(ui_file_table[0]);'
