// Package verify answers one question about a running cluster: is it healthy?
// It takes nobody's word for it: what can be tried is tried, what is counted is
// counted again.
//
// Each check is one file with a function that makes it, and one line in checks.
// Checks run at the same time, each with a time limit; one that is not done by
// then fails with what it has found and what it was waiting for.
//
// It is safe on a cluster under load. Reading is bounded, and writing goes to
// one small topic of its own, ProbeTopic, which is kept between runs and whose
// messages are removed after minutes.
package verify
