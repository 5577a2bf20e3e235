// Package status shows a cluster as it is now: machines, services, roles,
// brokers, topics, jobs. It judges nothing; package verify judges, on what is
// collected here.
//
// Collecting is read-only: one script a machine, one question a ZooKeeper
// member and a broker, one page a job, all at once. What does not answer is
// reported with its error in its place, within seconds, and hides nothing else.
package status
