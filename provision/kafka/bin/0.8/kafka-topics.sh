#!/bin/sh
# Creates, lists, describes, changes and deletes topics.
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
tool kafka.admin.TopicCommand '' "$@"
