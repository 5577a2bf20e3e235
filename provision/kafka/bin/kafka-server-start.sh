#!/bin/sh
# Runs a broker in the foreground: kafka-server-start.sh FILE [--override KEY=VALUE]...
# Its heap, where KAFKA_HEAP_OPTS gives none, is a quarter of the memory and at
# most 6 GB: the rest serves the page cache, where brokers keep what they serve.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
server kafka kafka.Kafka 4 256 6144 "$@"
