#!/bin/sh
# Produces and tells each acknowledgement in JSON, for tests.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.VerifiableProducer '--broker-list' "$@"
