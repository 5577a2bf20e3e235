#!/bin/sh
# Runs ZooKeeper in the foreground: zookeeper-server-start.sh FILE
# Its heap, where KAFKA_HEAP_OPTS gives none, is an eighth of the memory and at
# most 1 GB: a Kafka cluster's tree is small, and brokers share the machine.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
server zookeeper org.apache.zookeeper.server.quorum.QuorumPeerMain 8 128 1024 "$@"
