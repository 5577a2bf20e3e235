package behavior

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// plain are the floats that are printed without an exponent, 0 excluded, as bits:
// from the first one to before the second.
var plain = [2]uint32{math.Float32bits(1e-3), math.Float32bits(1e7)}

func TestStaysArePrintedAsByStrconv(t *testing.T) {
	const prime = 101 // of these, so that all last bits come up
	samePlain(t, plain[0], plain[1], prime)
	for power := uint32(118); power <= 150; power++ { // 2^-9 to 2^23, and what is near
		samePlain(t, power<<23-1000, power<<23+1000, 1)
	}
	for places := 1; places <= 7; places++ { // and near short decimals
		for n := range 100 {
			near := math.Float32bits(float32(float64(1+n) / math.Pow10(places)))
			if plain[0]+10 < near {
				samePlain(t, near-10, near+10, 1)
			}
		}
	}
}

// samePlain compares appendPlain with strconv for every so-manieth float.
func samePlain(t *testing.T, from, to, step uint32) {
	t.Helper()
	var space [2][32]byte
	for bits := from; bits < to; bits += step {
		f := math.Float32frombits(bits)
		got := string(appendPlain(space[0][:0], f))
		want := string(strconv.AppendFloat(space[1][:0], float64(f), 'f', -1, 32))
		if !strings.Contains(want, ".") {
			want += ".0"
		}
		if got != want {
			t.Fatalf("%#08x is printed as %s, want %s", bits, got, want)
		}
	}
}
