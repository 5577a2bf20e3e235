#!/bin/sh
# Prints a running server's metrics.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.JmxTool '' "$@"
