// Package connect turns a description of a cluster into live connections: SSH
// to its machines, Kafka's protocol to its brokers, plain TCP to the rest.
//
// What it guarantees:
//
//   - Connections are made when they are first needed, at most one SSH
//     connection a machine.
//   - Every call is bounded, also without a deadline in its context. A machine
//     that does not answer costs its own callers a few seconds and nobody else
//     anything.
//   - Where an address cannot be reached from here but its machine can be by
//     SSH, the connection goes through SSH. Nobody has to ask for it.
package connect
