#!/bin/sh
# Tells the size of replicas by broker and directory.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.LogDirsCommand '' "$@"
