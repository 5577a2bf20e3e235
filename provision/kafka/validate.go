package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"weir/provision/address"
	"weir/provision/layout"
	"weir/provision/problem"
	"weir/provision/properties"
	"weir/provision/systemd"
)

var (
	listenerPattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	chrootPattern   = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)
)

// Validate returns everything that is wrong with the spec, in its order.
func Validate(s Spec) problem.List {
	s = s.WithDefaults()
	var p problem.List
	if s.Cluster == "" {
		p.Add("cluster", "is empty; write the cluster's name")
	}
	if _, ok := LookUp(s.Version); !ok {
		p.Add("version", "%q is not supported; write one of %s", s.Version, strings.Join(Supported(), ", "))
	}
	validateBrokers(s.Brokers, &p)
	validateZooKeeper(s, &p)
	validateListeners(s, &p)
	systemd.CheckJVMOptions("jvmOptions", s.JVMOptions, &p)
	systemd.CheckHeap("heap", s.Heap, &p)
	layout.CheckPath("release.root", s.Release.Root, &p)
	s.Layout.Validate("layout", &p)
	properties.Check("config", s.Config, instead, &p)
	return p
}

func validateBrokers(brokers []Broker, p *problem.List) {
	if len(brokers) == 0 {
		p.Add("brokers", "is empty; write at least one machine, and three to survive the loss of one")
	}
	machines, ids, addresses := map[string]int{}, map[int32]int{}, map[string]int{}
	for i, b := range brokers {
		at := fmt.Sprintf("brokers[%d]", i)
		if b.Machine == "" {
			p.Add(at+".machine", "is empty; write the name of a machine")
		} else if first, taken := machines[b.Machine]; taken {
			p.Add(at+".machine", "%s is brokers[%d] already; a machine holds one broker", b.Machine, first)
		} else {
			machines[b.Machine] = i
		}
		if b.ID < 0 {
			p.Add(at+".id", "%d is not a broker id; write 0 or more", b.ID)
		} else if first, taken := ids[b.ID]; taken {
			p.Add(at+".id", "%d is the id of brokers[%d] already; give each broker its own", b.ID, first)
		} else {
			ids[b.ID] = i
		}
		switch first, taken := addresses[b.Address]; {
		case !address.Valid(b.Address):
			p.Add(at+".address", "%q is not an address; write a DNS name or an IP address without a port", b.Address)
		case unspecified(b.Address):
			p.Add(at+".address", "%s cannot be told to clients; write the address at which they reach the machine, and %s as bind", b.Address, b.Address)
		case taken:
			p.Add(at+".address", "%s is the address of brokers[%d] already; give each machine its own", b.Address, first)
		default:
			addresses[b.Address] = i
		}
		if b.Bind != "" && !unspecified(b.Bind) && !address.Valid(b.Bind) {
			p.Add(at+".bind", "%q is not an address; write an address of the machine, or 0.0.0.0", b.Bind)
		}
	}
}

func unspecified(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && ip.IsUnspecified()
}

func validateZooKeeper(s Spec, p *problem.List) {
	if len(s.ZooKeeper) == 0 {
		p.Add("zooKeeper", "is empty; write the ensemble's client addresses, host:port")
	}
	for i, addr := range s.ZooKeeper {
		if !address.ValidWithPort(addr) {
			p.Add(fmt.Sprintf("zooKeeper[%d]", i), "%q is not host:port; write an address such as 192.168.1.1:2181", addr)
		}
	}
	if s.Chroot != "" && !chrootPattern.MatchString(s.Chroot) {
		p.Add("chroot", "%q is not a path in ZooKeeper; write one such as /kafka, or nothing", s.Chroot)
	}
}

func validateListeners(s Spec, p *problem.List) {
	names, ports := map[string]int{}, map[int]int{}
	for i, l := range s.Listeners {
		at := fmt.Sprintf("listeners[%d]", i)
		if first, taken := names[l.Name]; taken {
			p.Add(at+".name", "%s is listeners[%d] already; give each its own", l.Name, first)
		} else if !listenerPattern.MatchString(l.Name) {
			p.Add(at+".name", "%q is not a listener's name; write capital letters, digits and _", l.Name)
		}
		names[l.Name] = i
		if l.Protocol != Plaintext {
			p.Add(at+".protocol", "%q is not supported; write %s", l.Protocol, Plaintext)
		}
		if first, taken := ports[l.Port]; taken {
			p.Add(at+".port", "%d is the port of listeners[%d] already; give each its own", l.Port, first)
		} else if l.Port < 1 || l.Port > 65535 {
			p.Add(at+".port", "%d is not a port; write a number from 1 to 65535", l.Port)
		}
		ports[l.Port] = i
	}
	if v, ok := LookUp(s.Version); ok && !v.Features.Has(Listeners) && len(s.Listeners) > 1 {
		p.Add("listeners", "Kafka %s has one listener; write one", s.Version)
	}
}

// managed are the keys that weir sets, and what to use in their place.
var managed = map[string]string{
	"broker.id":                      "use brokers[].id",
	"broker.id.generation.enable":    "use brokers[].id",
	"host.name":                      "use brokers[].bind",
	"port":                           "use listeners[].port",
	"listeners":                      "use listeners and brokers[].bind",
	"advertised.host.name":           "use brokers[].address",
	"advertised.port":                "use listeners[].port",
	"advertised.listeners":           "use listeners and brokers[].address",
	"listener.security.protocol.map": "use listeners[].protocol",
	"inter.broker.listener.name":     "put that listener first in listeners",
	"security.inter.broker.protocol": "put that listener first in listeners",
	"zookeeper.connect":              "use zooKeeper and chroot",
	"zookeeper.contact":              "use zooKeeper: Kafka's key is zookeeper.connect, the article's is a slip of the pen",
	"log.dir":                        "use layout.dataDir",
	"log.dirs":                       "use layout.dataDir",
	"process.roles":                  "leave it: brokers register in ZooKeeper",
	"node.id":                        "use brokers[].id",
}

// instead says what to write in place of a managed key; "" accepts the key.
func instead(key string) string {
	if strings.HasPrefix(key, "controller.quorum.") || strings.HasPrefix(key, "controller.listener.") {
		return managed["process.roles"]
	}
	return managed[key]
}
