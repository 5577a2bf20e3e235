//go:build soak

package e2e

import "testing"

// TestSoakVerbs are the scripts that wait long, or show again in another way what a
// shorter one shows.
func TestSoakVerbs(t *testing.T) { scripts(t, "testdata/script/long") }
