// Package topic looks at a cluster's topics for an operator: their partitions,
// replicas, sizes and settings.
//
// Every broker is asked itself, all at the same time. One that does not answer
// is named, and what the others said is returned.
package topic
