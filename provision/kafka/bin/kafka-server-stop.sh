#!/bin/sh
# Stops this cluster's broker on this machine.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
stop_unit "${WEIR_KAFKA_UNIT:-weir-kafka.service}"
