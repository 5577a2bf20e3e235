#!/bin/sh
# Deletes records before given offsets.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.DeleteRecordsCommand '' "$@"
