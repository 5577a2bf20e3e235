#!/bin/sh
# Tells the cluster id, or unregisters a broker.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.ClusterTool '' "$@"
