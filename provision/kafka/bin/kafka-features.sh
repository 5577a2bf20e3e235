#!/bin/sh
# Shows and changes feature levels.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.FeatureCommand '' "$@"
