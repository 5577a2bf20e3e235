#!/bin/sh
# Consumes and tells each step in JSON, for tests.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.VerifiableConsumer '--broker-list' "$@"
