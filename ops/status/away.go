package status

import "fmt"

// away lists the machines that say nothing, the units that do not run, and the
// members, brokers, topics and jobs that do not answer or are not there. How well
// what is there works is for verify to judge: replicas out of sync are not away.
func (s Status) away() []string {
	away := []string{}
	add := func(format string, args ...any) { away = append(away, fmt.Sprintf(format, args...)) }
	for _, m := range s.Machines {
		if !m.Reachable {
			add("machine %s", m.Name)
			continue // of its units nothing is known
		}
		for _, v := range m.Services {
			if !v.Running() {
				add("%s on %s", v.Unit, m.Name)
			}
		}
	}
	if s.ZooKeeper != nil {
		for _, m := range s.ZooKeeper.Members {
			if m.Error != "" {
				add("ZooKeeper member %d on %s", m.ID, m.Machine)
			}
		}
	}
	if s.Kafka != nil {
		for _, b := range s.Kafka.Brokers {
			if !b.Answers || !b.Registered {
				add("broker %d on %s", b.ID, b.Machine)
			}
		}
	}
	for _, t := range s.Topics {
		if t.Declared && !t.Exists {
			add("topic %s", t.Name)
		}
	}
	for _, j := range s.Jobs {
		if j.Error != "" {
			add("job %s on %s", j.Name, j.Machine)
		}
	}
	return away
}
