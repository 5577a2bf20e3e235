#!/bin/sh
# Sends lines of standard input to a topic.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.tools.ConsoleProducer '' "$@"
