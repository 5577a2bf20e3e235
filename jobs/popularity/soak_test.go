//go:build soak

package popularity

import "testing"

func TestSoakAMillionPagesSurviveKills(t *testing.T) { killMillion(t, 100) }
