#!/bin/sh
# Moves replicas between brokers.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.ReassignPartitionsCommand '' "$@"
