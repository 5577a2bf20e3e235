package testenv

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// IPv6 gives the machine an IPv6 address beside its own, and returns it: one
// whose last number is the last of its own, in a network that only the stack's
// machines and this computer are in. It may be called again.
func (m Machine) IPv6(ctx context.Context) (string, error) {
	own, err := netip.ParseAddr(m.Address)
	if err != nil {
		return "", fmt.Errorf("machine %s: %w", m.Name, err)
	}
	prefix := prefix6(m.Stack)
	bytes := prefix.Addr().As16()
	bytes[15] = own.AsSlice()[len(own.AsSlice())-1]
	address := netip.AddrFrom16(bytes)
	return address.String(), m.engine(ctx, func(e *engine, id string) error { return e.join6(ctx, m, id, prefix, address) })
}

// prefix6 is the stack's own: a unique local one (RFC 4193), whose 40 bits of
// chance are made of the stack's name.
func prefix6(stack string) netip.Prefix {
	sum := sha256.Sum256([]byte(stack))
	bytes := [16]byte{0xfd}
	copy(bytes[1:6], sum[:])
	return netip.PrefixFrom(netip.AddrFrom16(bytes), 64)
}

func (e *engine) join6(ctx context.Context, m Machine, id string, prefix netip.Prefix, address netip.Addr) error {
	release, err := lock(ctx, "stack-"+m.Stack)
	if err != nil {
		return err
	}
	defer release()
	name := network6Name(m.Stack)
	c, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if c.Container.NetworkSettings.Networks[name] != nil {
		return nil
	}
	found, err := e.findNetwork(ctx, name)
	if err == nil && found == nil {
		yes := true
		_, err = e.api.NetworkCreate(ctx, name, client.NetworkCreateOptions{
			Driver: "bridge", EnableIPv6: &yes,
			Internal: true, // the way out stays the machine's other network's
			Labels:   map[string]string{labelStack: m.Stack},
			IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: prefix}}},
		})
	}
	if err != nil {
		return fmt.Errorf("network %s: %w", name, err)
	}
	_, err = e.api.NetworkConnect(ctx, name, client.NetworkConnectOptions{Container: id, EndpointConfig: &network.EndpointSettings{
		IPAMConfig: &network.EndpointIPAMConfig{IPv6Address: address},
	}})
	if err != nil {
		return fmt.Errorf("join network %s: %w", name, err)
	}
	return nil
}
