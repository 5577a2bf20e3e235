package provider

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net"
	"sync"

	"weir/provision/kafka"
	"weir/provision/remote"
)

// admins are the administrative clients in use, one for each cluster: its topics
// and its brokers ask over the same connections.
type admins struct {
	mu   sync.Mutex
	open map[[sha256.Size]byte]*kafka.Admin
}

// admin returns the cluster's administrative client. It goes through the
// machines' SSH connections where the brokers' addresses cannot be reached
// directly.
//
// zookeeper are the ensemble's client addresses, and chroot is the cluster's path
// in there: versions whose brokers take no such requests are asked and changed there.
func (e *Env) admin(version string, brokers []BrokerRef, zookeeper []string, chroot string) (*kafka.Admin, error) {
	text, err := json.Marshal([]any{version, brokers, zookeeper, chroot})
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(text) // no secrets in map keys
	e.admins.mu.Lock()
	defer e.admins.mu.Unlock()
	if a := e.admins.open[key]; a != nil {
		return a, nil
	}
	a, err := e.newAdmin(version, brokers, zookeeper, chroot)
	if err != nil {
		return nil, err
	}
	if e.admins.open == nil {
		e.admins.open = map[[sha256.Size]byte]*kafka.Admin{}
	}
	e.admins.open[key] = a
	return a, nil
}

func (e *Env) newAdmin(version string, brokers []BrokerRef, zookeeper []string, chroot string) (*kafka.Admin, error) {
	var bootstrap []string
	var ways []remote.Dialer
	var machines []remote.Runner
	for _, b := range brokers {
		m := e.Fleet.Pool.On(b.Connection.host(b.Machine))
		bootstrap, ways, machines = append(bootstrap, b.Address), append(ways, m), append(machines, m)
	}
	v, _ := kafka.LookUp(version) // Validate has refused what is not in the table
	dialer := remote.Via(&net.Dialer{}, ways...)
	return kafka.NewAdmin(bootstrap, v, dialer, &kafka.Registry{ZooKeeper: zookeeper, Chroot: chroot, Dialer: dialer, Tool: kafka.ToolOn(machines...)})
}

// Close ends the connections to brokers and machines, and the accounts of them.
func (e *Env) Close() error {
	e.admins.mu.Lock()
	defer e.admins.mu.Unlock()
	var errs []error
	for _, a := range e.admins.open {
		errs = append(errs, a.Close())
	}
	return errors.Join(append(errs, e.Fleet.Pool.Close(), e.Runs.close())...)
}
