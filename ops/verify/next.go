package verify

import (
	"strconv"

	"weir/provision/inventory"
	"weir/provision/remote"
)

// sshTo is the command line that runs a command on a machine, or that logs in
// where the command is empty, as an operator types it.
func sshTo(m inventory.Machine, command string) string {
	h := m.Host
	words := []string{"ssh"}
	if h.Port != 0 && h.Port != 22 {
		words = append(words, "-p", strconv.Itoa(h.Port))
	}
	if h.PrivateKeyFile != "" {
		words = append(words, "-i", h.PrivateKeyFile)
	}
	if h.Jump != nil {
		words = append(words, "-J", target(*h.Jump, true))
	}
	words = append(words, target(h, false))
	if command != "" {
		words = append(words, command)
	}
	return remote.QuoteAll(words...)
}

func target(h remote.Host, withPort bool) string {
	user := h.User
	if user == "" {
		user = "root"
	}
	out := user + "@" + h.Address
	if withPort && h.Port != 0 {
		out += ":" + strconv.Itoa(h.Port)
	}
	return out
}

// logOf is the command that shows why a unit is as it is.
func logOf(m inventory.Machine, unit string) string {
	return sshTo(m, remote.QuoteAll("journalctl", "-u", unit, "-n", "50", "--no-pager"))
}

// machine is the declared machine of that name; the zero Machine with the name
// where there is none, so that a message is never lost.
func (c *subject) machine(name string) inventory.Machine {
	m, err := c.cluster.Machine(name)
	if err != nil {
		m.Name = name
	}
	return m
}

// brokerMachine names the machine of a broker id, or "" where it is not declared.
func brokerMachine(c inventory.Cluster, id int32) string {
	if c.Kafka != nil {
		for name, declared := range c.Kafka.Brokers {
			if declared == id {
				return name
			}
		}
	}
	return ""
}

// kafkaLog is the command that shows the log of a broker.
func kafkaLog(c inventory.Cluster, id int32) string {
	if m, err := c.Machine(brokerMachine(c, id)); err == nil {
		return logOf(m, c.Kafka.Unit)
	}
	return "ops status"
}
