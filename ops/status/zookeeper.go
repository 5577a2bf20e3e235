package status

import (
	"context"

	"weir/ops/connect"
	"weir/provision/remote"
	"weir/provision/zookeeper"
)

// ZooKeeper is the ensemble as its members see themselves.
type ZooKeeper struct {
	// Leader is the machine of the one leader; empty where there is none or two.
	Leader  string   `json:"leader"`
	Members []Member `json:"members"`
}

// Member is one declared member.
type Member struct {
	Machine string `json:"machine"`
	// ID is the declared myid, RunningID what the member says; 0 where it says none.
	ID        int `json:"id"`
	RunningID int `json:"runningId"`
	// Mode is "leader", "follower", "observer" or "standalone"; empty where the
	// member does not serve, and Error says why.
	Mode        string `json:"mode"`
	Version     string `json:"version,omitempty"`
	Connections int    `json:"connections"`
	Error       string `json:"error,omitempty"`

	answer zookeeper.Answer
}

// Answers are the members' answers as package zookeeper judges them.
func (z ZooKeeper) Answers() []zookeeper.Answer {
	answers := make([]zookeeper.Answer, len(z.Members))
	for i, m := range z.Members {
		answers[i] = m.answer
	}
	return answers
}

// Ensemble asks all declared members at once; nil where none is declared.
func Ensemble(ctx context.Context, s *connect.Session) *ZooKeeper {
	declared := s.Cluster.ZooKeeper
	if declared == nil {
		return nil
	}
	ensemble := zookeeper.Ensemble{
		ClientPort: declared.ClientPort,
		Dialer:     func(string) remote.Dialer { return s },
	}
	for _, m := range s.Cluster.Machines {
		if id, ok := declared.Members[m.Name]; ok {
			ensemble.Members = append(ensemble.Members, zookeeper.Member{Machine: m.Name, ID: id, Address: m.Address})
		}
	}
	z := EnsembleOf(ensemble.Ask(ctx))
	return &z
}

// EnsembleOf is the ensemble that gave these answers.
func EnsembleOf(answers []zookeeper.Answer) ZooKeeper {
	z := ZooKeeper{Members: []Member{}}
	leaders := 0
	for _, a := range answers {
		m := Member{Machine: a.Member.Machine, ID: a.Member.ID, answer: a}
		if a.Err != nil {
			m.Error = a.Err.Error()
		} else {
			m.RunningID, m.Mode, m.Version, m.Connections = a.Status.ID, a.Status.Mode, a.Status.Version, a.Status.Connections
		}
		if m.Mode == zookeeper.Leader {
			leaders++
			z.Leader = m.Machine
		}
		z.Members = append(z.Members, m)
	}
	if leaders != 1 {
		z.Leader = ""
	}
	return z
}
