#!/bin/sh
# Lists consumer groups, their lag and members, and resets offsets.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand '--zookeeper --broker-list' "$@"
