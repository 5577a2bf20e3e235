#!/bin/sh
# Shows and changes settings of topics, brokers, users and clients.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.ConfigCommand '' "$@"
