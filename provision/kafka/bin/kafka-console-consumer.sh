#!/bin/sh
# Prints the messages of a topic.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.consumer.ConsoleConsumer '--zookeeper --broker-list' "$@"
