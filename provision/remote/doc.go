// Package remote talks to machines over SSH: it dials, verifies, runs scripts,
// streams to them, forwards connections through them, and stops when told to.
//
// What it guarantees:
//
//   - A host key is always verified, against pinned keys or a known_hosts file;
//     turning that off is a setting that warns on every connection.
//   - Every call ends: by itself, when its context does, or when the machine
//     has been silent for longer than the keepalive bound (see WithKeepalive).
//   - What a machine sends is bounded in size before it is kept.
//   - No error and no log line holds a password, a passphrase or a private key.
//
// One connection a machine carries all of its scripts and forwarded
// connections; Pool keeps them. The package knows nothing of what it runs.
package remote
