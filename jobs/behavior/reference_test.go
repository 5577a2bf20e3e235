package behavior

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slowParse is the reference: regular expressions and rational numbers.
func slowParse(line string) (string, bool) {
	fields := strings.Split(line, "|")
	if len(fields) != 4 {
		return "", false
	}
	page := fields[0]
	control := strings.ContainsFunc(page, func(r rune) bool { return r < 0x80 && unicode.IsControl(r) })
	if page == "" || len(page) > MaxPageBytes || control || !utf8.ValidString(page) {
		return "", false
	}
	clicks, ok := slowClicks(fields[1])
	if !ok {
		return "", false
	}
	stay, ok := slowStay(fields[2])
	if !ok || !regexp.MustCompile(`^(-1|0|1)$`).MatchString(fields[3]) || strings.HasSuffix(fields[3], "\n") {
		return "", false
	}
	return fmt.Sprintf("%s %s %s %s", page, clicks, stay, fields[3]), true
}

func slowClicks(s string) (*big.Int, bool) {
	if !regexp.MustCompile(`\A-?[0-9]+\z`).MatchString(s) {
		return nil, false
	}
	n, _ := new(big.Int).SetString(s, 10)
	return n, n.Sign() >= 0 && n.Cmp(big.NewInt(MaxClicks)) <= 0
}

// decimalForm splits off the exponent, which big.Rat must not be given unseen:
// a large one would fill the memory.
var decimalForm = regexp.MustCompile(`\A([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]+))?\z`)

func slowStay(s string) (*big.Int, bool) {
	parts := decimalForm.FindStringSubmatch(s)
	if parts == nil {
		return nil, false
	}
	value, ok := new(big.Rat).SetString(strings.TrimPrefix(parts[1], "+"))
	if !ok {
		return nil, false
	}
	if value.Sign() == 0 {
		return new(big.Int), true
	}
	exponent, err := strconv.Atoi(cmp.Or(parts[2], "0"))
	if far := 1000 + len(s); err != nil || exponent > far || exponent < -far {
		return new(big.Int), strings.Contains(parts[2], "-") // nothing, or far too much
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
	if exponent < 0 {
		value.Quo(value, new(big.Rat).SetInt(power))
	} else {
		value.Mul(value, new(big.Rat).SetInt(power))
	}
	n := halfEven(value.Mul(value, new(big.Rat).SetInt64(NanoPerMinute)))
	return n, n.Sign() >= 0 && n.Cmp(big.NewInt(maxStay)) <= 0
}

func halfEven(r *big.Rat) *big.Int {
	floor := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: rounds down
	rest := new(big.Rat).Sub(r, new(big.Rat).SetInt(floor))
	half := rest.Cmp(big.NewRat(1, 2))
	if half > 0 || half == 0 && floor.Bit(0) == 1 {
		floor.Add(floor, big.NewInt(1))
	}
	return floor
}
