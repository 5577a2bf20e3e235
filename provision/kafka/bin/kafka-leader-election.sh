#!/bin/sh
# Elects leaders of partitions.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.LeaderElectionCommand '--zookeeper' "$@"
