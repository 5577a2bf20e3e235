package verify

import (
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"
)

// This file counts messages once more: from the message format's description
// alone, with big integers, sharing no line with the calculator. Slow and plain
// on purpose; a mistake would have to be made twice to go unseen.

// totals are the exact sums of one page.
type totals struct {
	n, clicks, like int64
	stayNano        *big.Int // minutes in 1e-9
}

func newTotals() *totals { return &totals{stayNano: new(big.Int)} }

func (t *totals) equal(u *totals) bool {
	return t.n == u.n && t.clicks == u.clicks && t.like == u.like && t.stayNano.Cmp(u.stayNano) == 0
}

func (t *totals) add(u *totals) {
	t.n += u.n
	t.clicks += u.clicks
	t.like += u.like
	t.stayNano.Add(t.stayNano, u.stayNano)
}

// recount is what a range of records sums up to.
type recount struct {
	pages map[string]*totals
	// good and bad count records; bad ones count nowhere else.
	good, bad int
}

func newRecount() *recount { return &recount{pages: map[string]*totals{}} }

var (
	clicksForm = regexp.MustCompile(`^-?[0-9]+$`)
	stayForm   = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$`)

	clicksLimit = big.NewInt(1_000_000_000)
	stayLimit   = new(big.Int).Mul(big.NewInt(1_000_000), big.NewInt(1_000_000_000))
)

// add counts one record, "page|clicks|minutes|like".
func (r *recount) add(record string) {
	page, visit, ok := parseReference(record)
	if !ok {
		r.bad++
		return
	}
	r.good++
	t := r.pages[page]
	if t == nil {
		t = newTotals()
		r.pages[page] = t
	}
	t.add(&visit)
}

func parseReference(record string) (page string, visit totals, ok bool) {
	fields := strings.Split(record, "|")
	if len(fields) != 4 || !goodPage(fields[0]) {
		return "", totals{}, false
	}
	clicks, okClicks := referenceClicks(fields[1])
	stay, okStay := referenceStay(fields[2])
	like, okLike := map[string]int64{"1": 1, "0": 0, "-1": -1}[fields[3]]
	if !okClicks || !okStay || !okLike {
		return "", totals{}, false
	}
	return fields[0], totals{n: 1, clicks: clicks, like: like, stayNano: stay}, true
}

func goodPage(page string) bool {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	return len(page) >= 1 && len(page) <= 1024 && utf8.ValidString(page) && strings.IndexFunc(page, control) < 0
}

func referenceClicks(s string) (int64, bool) {
	if !clicksForm.MatchString(s) {
		return 0, false
	}
	n, _ := new(big.Int).SetString(s, 10)
	return n.Int64(), n.Sign() >= 0 && n.Cmp(clicksLimit) <= 0
}

// referenceStay is a decimal number of minutes in units of 1e-9, rounded half
// to even.
func referenceStay(s string) (*big.Int, bool) {
	m := stayForm.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return nil, false
	}
	sign, digits := m[1], strings.TrimLeft(m[2]+m[3], "0")
	if digits == "" {
		return new(big.Int), true
	}
	exponent := new(big.Int)
	if m[4] != "" {
		exponent.SetString(strings.TrimPrefix(m[4], "+"), 10)
	}
	// The number is digits * 10^shift units.
	exponent.Add(exponent, big.NewInt(int64(9-len(m[3]))))
	size := new(big.Int).Add(exponent, big.NewInt(int64(len(digits))))
	switch {
	case size.Cmp(big.NewInt(17)) > 0: // at least 10^17 units, the limit is 10^15
		return nil, false
	case size.Sign() < 0: // below a tenth of a unit
		return new(big.Int), true
	}
	units, _ := new(big.Int).SetString(digits, 10)
	shift := exponent.Int64() // not further from 0 than the record is long
	if shift >= 0 {
		units.Mul(units, power(shift))
	} else {
		units = divideHalfEven(units, power(-shift))
	}
	if units.Cmp(stayLimit) > 0 || sign == "-" && units.Sign() != 0 {
		return nil, false
	}
	return units, true
}

func power(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

func divideHalfEven(n, d *big.Int) *big.Int {
	quotient, rest := new(big.Int).QuoRem(n, d, new(big.Int))
	switch twice := rest.Lsh(rest, 1).Cmp(d); {
	case twice > 0, twice == 0 && quotient.Bit(0) == 1:
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}
