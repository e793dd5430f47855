#!/bin/bash
# cJSON 1.7.15: a double that is printed and parsed again may be another one.
#
# Guess: a number that cJSON prints reads back as the same double, since the printer tries 15 digits and falls back on 17 where these
#   do not suffice.
# Behaviour: the fallback is taken only where the 15-digit text differs by more than DBL_EPSILON (2^-52) relative to the value, so that
#   a number that is off in its last place passes as equal. Of the fractions k/n with n <= 277, 15 % change.
# What follows: yolua writes the numbers of its JSON with 17 digits itself (runtime/formats/json.c).
#
# Prints what it saw and fails where that changed. Needs a C compiler and Debian 12's package archive.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq 'libcjson1=1.7.15*' 'libcjson-dev=1.7.15*' 2>/dev/null || apt-get download 'libcjson1=1.7.15*' 'libcjson-dev=1.7.15*'
for package in *.deb; do dpkg -x "$package" .; done
cat >round_trip.c <<'C'
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int count = 0, changed = 0;
    for (int n = 3; n <= 277; n++)
        for (int k = 1; k < n; k++, count++) {
            cJSON *number = cJSON_CreateNumber((double)k / n);
            char *text = cJSON_Print(number);
            if (strtod(text, NULL) != (double)k / n && changed++ == 0) printf("%d/%d is printed as %s\n", k, n, text);
            free(text);
            cJSON_Delete(number);
        }
    printf("cJSON %s: %d of %d fractions changed\n", cJSON_Version(), changed, count);
    return changed == 0;
}
C
library=$(dirname "$(find . -name 'libcjson.so.1' | head -n 1)")
cc -O1 -I usr/include round_trip.c "$library/libcjson.so.1" -o round_trip
LD_LIBRARY_PATH=$library ./round_trip
echo "as seen before: digits are lost"
