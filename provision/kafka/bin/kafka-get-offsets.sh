#!/bin/sh
# Prints the first or last offset of partitions.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.GetOffsetShell '--broker-list' "$@"
