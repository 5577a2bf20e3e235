//go:build soak

package e2e

import "testing"

// TestSoakVerify breaks the cluster in every way there is, those that the tests try
// each time included. One of them wants to reach Debian's packages.
func TestSoakVerify(t *testing.T) {
	showAll(t, func(breakage) bool { return true })
}

// A healthy cluster never fails: WEIR_SOAK_VERIFIES is how often it is asked.
func TestSoakVerifyFindsAHealthyClusterHealthy(t *testing.T) {
	cluster(t).staysHealthy(t, setting(t, "WEIR_SOAK_VERIFIES", 50))
}
