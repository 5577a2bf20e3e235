#!/bin/sh
# Lists the brokers and the request versions each understands.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.BrokerApiVersionsCommand '--broker-list' "$@"
