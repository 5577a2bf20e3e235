#!/bin/sh
# Measures how fast a topic can be read.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool_jvm=$server_jvm # what is measured must not be the small compiler
tool org.apache.kafka.tools.ConsumerPerformance '--zookeeper --broker-list' "$@"
