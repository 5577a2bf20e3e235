#!/bin/sh
# Looks into ZooKeeper: zookeeper-shell.sh HOST:PORT[/PATH] [COMMAND...]
. "$(dirname -- "$(readlink -f -- "$0")")/lib.sh"
[ $# -gt 0 ] || fail "expected ZooKeeper's address: $self HOST:PORT[/PATH] [COMMAND...]"
tool org.apache.zookeeper.ZooKeeperMain '' -server "$@"
