//go:build soak

package behavior

import "testing"

func TestSoakEveryStayIsPrintedAsByStrconv(t *testing.T) { samePlain(t, plain[0], plain[1], 1) }
