#!/bin/sh
# Stops this cluster's ZooKeeper on this machine.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
stop_unit "${WEIR_ZOOKEEPER_UNIT:-weir-zookeeper.service}"
