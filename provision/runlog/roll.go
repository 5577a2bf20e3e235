package runlog

import "time"

// Roll says what a rolling restart of one component began with. It is what the
// next one goes on from where this one was stopped.
type Roll struct {
	// Component is "zookeeper" or "kafka".
	Component string `json:"component"`
	// Wanted are the machines to restart, sorted.
	Wanted []string `json:"wanted"`
	// Began has the process that each of them ran at the beginning, by machine:
	// systemd's id of the unit's invocation, which each start changes.
	Began map[string]string `json:"began"`
	// Since is the beginning of the first of the rolls that went on from each other.
	Since time.Time `json:"since"`
	// Reason is what a person gave.
	Reason string `json:"reason,omitempty"`
}
