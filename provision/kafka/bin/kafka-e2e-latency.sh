#!/bin/sh
# Measures the time from producer to consumer.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool_jvm=$server_jvm # what is measured must not be the small compiler
tool org.apache.kafka.tools.EndToEndLatency '' "$@"
