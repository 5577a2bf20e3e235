// Package testenv makes machines: Debian with systemd, sshd and a JRE, each in
// a Docker container with an address of its own. They serve two purposes. The
// stack "local" keeps them, and end-to-end tests throw them away; both reach
// them only over SSH with verified host keys, as they would any other machine.
//
// What it guarantees:
//   - [Ensure] may be called again at any time, from several goroutines and
//     processes, after a crash of the caller or a reboot of the computer: it
//     adopts what exists, and a machine keeps its data, its address, its host
//     key and its machine-id until it is removed.
//   - Nothing that lacks this package's labels is changed or removed.
//   - A machine made with Spec.Disposable can be found and removed after its
//     maker was killed: see [SweepOrphans].
//
// What it does not do: the machines are reachable from the Docker host only,
// so the host must be this computer and run Linux. /proc/sys is read-only in
// them and their clock is the host's.
//
// The names: a stack's network is "weir-STACK", a machine's container
// "weir-STACK-NAME", and both carry the label "weir.stack".
package testenv
