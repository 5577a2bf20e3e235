#!/bin/sh
# Gives leadership back to the preferred replicas.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.PreferredReplicaLeaderElectionCommand '' "$@"
