#!/bin/sh
# Compares the replicas of topics; --broker-list is its own flag to this day.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.ReplicaVerificationTool '' "$@"
