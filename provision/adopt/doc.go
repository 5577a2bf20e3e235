// Package adopt reads a ZooKeeper and Kafka cluster that was set up by hand and
// says what weir would have to declare to take it over as it is.
//
// [Read] asks one machine, and changes nothing. [Judge] makes one cluster of
// what the machines said: ids, addresses, ports, data directories and version,
// and every setting in which the cluster differs from what weir would write.
// What weir cannot take over is a problem, each with the machine, what was
// found, and what to do; nothing is left out in silence, as [Found.Different]
// lists what will not be as before.
//
// Limits: brokers that register in ZooKeeper, one listener in plain text, one
// data directory a server, one server of each kind a machine. Servers must run:
// what is stopped is not found.
package adopt
