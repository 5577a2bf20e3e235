package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

func (a *app) inventoryCommand() *cobra.Command {
	var secrets bool
	c := &cobra.Command{
		Use:   "inventory",
		Short: "Print the cluster as a file for people without Pulumi",
		Long: `inventory prints what the cluster consists of and how to reach it, as one JSON
object. With --inventory FILE, the verbs that need machines and Kafka alone work
from it: status, verify, roll, logs, exec, ssh, job, bench, support-bundle, doctor.

It holds no secret, unless --secrets asks for it: keys are named by their files.
The cluster's id is in it, so that nobody acts on another cluster at the same
addresses.`,
		Example: `  ops inventory > cluster.json
  ops status --inventory cluster.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			defer s.Close() //nolint:errcheck // all is said
			return a.printInventory(c.Context(), s, secrets)
		},
	}
	c.Flags().BoolVar(&secrets, "secrets", false, "with the passwords and private keys that the stack holds, in the clear")
	return c
}

func (a *app) printInventory(ctx context.Context, s *connect.Session, secrets bool) error {
	cluster := s.Cluster
	if cluster.Kafka != nil {
		ctx, cancel := context.WithTimeout(ctx, guardPatience)
		defer cancel()
		kafka := *cluster.Kafka
		if id, err := s.Guard(ctx); err == nil && id != "" {
			kafka.ClusterID = id
		} else if kafka.ClusterID == "" {
			a.console.Warn("no broker tells the cluster's id: the inventory does not guard against another cluster")
		}
		cluster.Kafka = &kafka
	}
	if !secrets {
		public, bereft := cluster.WithoutSecrets()
		if cluster = public; len(bereft) > 0 {
			a.console.Note(fmt.Sprintf("left out the secrets that it takes to log in to %s, %s: whoever has the file needs a key, an agent, or --secrets",
				table.Count(len(bereft), "machine"), strings.Join(bereft, ", ")))
		}
	}
	return indent.JSON(a.console.Out, cluster)
}
