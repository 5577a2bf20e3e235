#!/bin/sh
# Lists, adds and removes access rules.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.AclCommand '' "$@"
