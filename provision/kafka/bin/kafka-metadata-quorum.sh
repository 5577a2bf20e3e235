#!/bin/sh
# Shows the quorum of controllers (KRaft).
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.MetadataQuorumCommand '' "$@"
