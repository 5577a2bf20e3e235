package connect

import (
	"context"
	"fmt"
)

// WrongClusterError says that the brokers at the cluster's addresses are
// another cluster's.
type WrongClusterError struct {
	// Cluster is its name; Want the id that is known of it, Found the brokers'.
	Cluster, Want, Found string
}

func (e *WrongClusterError) Error() string {
	return fmt.Sprintf("the brokers at the addresses of cluster %s are another cluster's: their cluster id is %s, expected %s", e.Cluster, e.Found, e.Want)
}

// Guard asks for the cluster's id and returns it. One that differs from the
// inventory's is a *WrongClusterError. It is empty without Kafka, and of brokers
// before 0.10.1, which have none.
func (s *Session) Guard(ctx context.Context) (id string, err error) {
	if s.Cluster.Kafka == nil {
		return "", nil
	}
	answer, err := s.AnyMetadata(ctx)
	if err != nil || answer.ClusterID == nil {
		return "", err
	}
	id = *answer.ClusterID
	if want := s.Cluster.Kafka.ClusterID; want != "" && want != id {
		return id, &WrongClusterError{Cluster: s.Cluster.Name, Want: want, Found: id}
	}
	return id, nil
}
