#!/bin/sh
# Lists, describes and aborts transactions.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool org.apache.kafka.tools.TransactionsCommand '--broker-list' "$@"
