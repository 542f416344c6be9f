#!/bin/sh
# windows_needs.sh KERF.exe -- the file needs libraries that every Windows has, and no others.
set -u
needed=$(x86_64-w64-mingw32-objdump -p "$1" | sed -n 's/.*DLL Name: //p')
[ -n "$needed" ] || { echo "FAILED: $1 tells no libraries"; exit 1; }
foreign=$(echo "$needed" | grep -vixE '(kernel32|advapi32|msvcrt|user32)\.dll')
[ -z "$foreign" ] || { echo "FAILED: needs $foreign"; exit 1; }
echo passed
