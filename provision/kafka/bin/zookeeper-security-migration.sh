#!/bin/sh
# Sets or removes access rules on what Kafka keeps in ZooKeeper.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.ZkSecurityMigrator '' "$@"
