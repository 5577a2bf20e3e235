package address_test

import (
	"testing"

	"weir/provision/address"
)

func TestAnAddressIsOfOneMachineAndWithoutAPort(t *testing.T) {
	for s, want := range map[string]bool{
		"192.168.1.1": true, "kafka-1.example.org": true, "db_1": true, "a": true,
		"::1": true, "fd00::11": true, "2001:DB8::1": true, "::ffff:10.0.0.1": true,
		"": false, "192.168.1.1:9092": false, "[::1]": false, "[::1]:9092": false, "fe80::1%eth0": false,
		"fd00::11:": false, "::1::": false, "-a": false, "a b": false, "a\nb": false, "$(reboot)": false,
	} {
		if got := address.Valid(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func TestAnAddressWithItsPort(t *testing.T) {
	for s, want := range map[string]bool{
		address.WithPort("::1", 2181): true, address.WithPort("10.0.0.1", 65535): true, "db-1:1": true,
		"::1:2181": false, "[::1]": false, "db-1": false, "db-1:0": false, "db-1:65536": false, "[fe80::1%eth0]:2181": false, ":2181": false,
	} {
		if got := address.ValidWithPort(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
	if got := address.WithPort("fd00::11", 9092); got != "[fd00::11]:9092" {
		t.Errorf("got %s, want [fd00::11]:9092", got)
	}
}
