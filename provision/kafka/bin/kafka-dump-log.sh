#!/bin/sh
# Prints the segment files of a partition.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.tools.DumpLogSegments '' "$@"
