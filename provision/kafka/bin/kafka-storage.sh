#!/bin/sh
# Formats storage and makes cluster ids (KRaft).
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.tools.StorageTool '' "$@"
