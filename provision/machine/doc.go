// Package machine turns one machine into what it should be.
//
// A component says what should be true as a [State], a plain value. [Observe]
// asks the machine, with one read-only script, for everything the state names.
// [Diff] compares the two without touching anything; the [Plan] it returns is
// what a preview shows and, step by step, what [Apply] does with one more
// script. Every step is atomic and can be repeated; a run that was cut off is
// finished by the next.
//
// Guarantees: files are replaced by rename after fsync, with owner and mode set
// before; nothing is touched that neither the state nor the manifest of the
// same component names; a machine whose manifests name another cluster is
// refused; data directories are removed only where Delete says so.
//
// Limits: a Linux machine with systemd, a POSIX sh, GNU coreutils, findutils
// and tar. Paths must be absolute, clean and free of control characters.
package machine
