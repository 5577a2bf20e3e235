#!/bin/sh
# Manages the metrics that clients send to brokers.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.ClientMetricsCommand '' "$@"
