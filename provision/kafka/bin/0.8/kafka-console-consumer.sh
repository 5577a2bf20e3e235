#!/bin/sh
# Prints the messages of a topic.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.tools.ConsoleConsumer '' "$@"
