// Package preflight says whether machines are fit for what they are to become,
// before anything is changed on one.
//
// [Run] asks all machines at once and read-only, with a handful of scripts each,
// and judges the answers together: some things, like clocks, can only be told by
// comparing. What a machine must not be changed for is a refusal; what it merely
// had better be is advice. The refusals that package machine knows are asked of
// it, so that they read the same here and in the middle of a run.
//
// Limits: disks are not measured, and ports are tried only from where something
// will connect to them. A time zone makes no difference: clocks are compared in
// seconds since 1970.
package preflight
