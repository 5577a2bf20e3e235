#!/bin/sh
# Creates, renews, expires and lists delegation tokens.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.DelegationTokenCommand '' "$@"
