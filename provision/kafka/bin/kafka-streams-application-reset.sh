#!/bin/sh
# Resets a Kafka Streams application.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.StreamsResetter '' "$@"
