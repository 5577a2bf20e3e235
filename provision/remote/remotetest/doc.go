// Package remotetest has machines for tests of what runs over package remote.
//
// Runner is a fake: it answers scripts as it was told and runs nothing.
// Server is real: an SSH server in this process that runs commands with /bin/sh
// as the current user, forwards connections, and misbehaves on demand. It is
// for tests and benchmarks on one computer and must never be reachable by others:
// it listens on the loopback address unless it is told another.
package remotetest
