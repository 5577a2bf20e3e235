#!/bin/sh
# Runs a class of the release, as a tool: kafka-run-class.sh CLASS ARGUMENT...
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
[ $# -gt 0 ] || fail "expected a class: $self CLASS ARGUMENT..."
class=$1
shift
tool "$class" '' "$@"
