package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"weir/ops/connect"
	"weir/ops/drive"
	"weir/provision/inventory"
	"weir/provision/runlog"
)

// guardPatience bounds the question for the cluster's id: where all brokers are
// silent, the verb itself is to say so, and soon.
const guardPatience = 3 * time.Second

// session opens connections to the cluster, wherever it is described, and
// refuses one that is not the one described. Close it.
func (a *app) session(ctx context.Context) (*connect.Session, error) {
	s, err := a.unguarded(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.guard(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// unguarded is session for verbs that must work whatever the brokers say of
// themselves, and whether they say anything.
func (a *app) unguarded(ctx context.Context) (*connect.Session, error) {
	cluster, err := a.cluster(ctx)
	if err != nil {
		return nil, err
	}
	s, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// guard compares the cluster's id with the one that is known of it. The first
// that is seen is kept. Brokers that say nothing are no proof of anything.
func (a *app) guard(ctx context.Context, s *connect.Session) error {
	ctx, cancel := context.WithTimeout(ctx, guardPatience)
	defer cancel()
	found, err := s.Guard(ctx)
	var wrong *connect.WrongClusterError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%w; %s", err, a.otherCluster())
	case err != nil || found == "" || s.Cluster.Kafka.ClusterID != "" || a.inventory != "":
		return nil
	}
	p, err := a.project()
	if err != nil {
		return err
	}
	return p.KeepClusterID(a.stack, found)
}

// otherCluster says what to do about a cluster that is another than known.
func (a *app) otherCluster() string {
	if a.inventory != "" {
		return "nothing was done; if it was made anew, write its inventory anew: bin/ops inventory"
	}
	return "nothing was done; if it was made anew on purpose, bin/ops up --stack " + a.stack + " takes note of its id"
}

// noteCluster keeps the id of a cluster that was just brought up, whatever it
// was before: up is what makes a cluster anew. cluster is the stack's, without
// an id.
func (a *app) noteCluster(ctx context.Context, cluster inventory.Cluster) error {
	if cluster.Kafka == nil {
		return nil
	}
	s, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it was only asked
	ctx, cancel := context.WithTimeout(ctx, guardPatience)
	defer cancel()
	found, err := s.Guard(ctx)
	p, outside := a.project()
	if err != nil || outside != nil || found == "" {
		return nil // whoever verifies it will say what is wrong
	}
	switch was := p.ClusterID(a.stack); was {
	case found:
		return nil
	case "":
	default:
		a.console.Note(fmt.Sprintf("the cluster is another than before: its id is %s, and was %s", found, was))
	}
	return p.KeepClusterID(a.stack, found)
}

// cluster is what the inventory file says, or the stack as it was last brought up.
func (a *app) cluster(ctx context.Context) (inventory.Cluster, error) {
	if a.inventory != "" {
		cluster, err := inventoryFrom(a.inventory)
		if err != nil {
			return cluster, usageError{err}
		}
		return cluster, a.unlock(cluster.Machines)
	}
	p, err := a.project()
	if err != nil {
		return inventory.Cluster{}, err
	}
	s, err := a.drive(p)
	if err != nil {
		return inventory.Cluster{}, err
	}
	cluster, err := s.Cluster(ctx)
	if err != nil {
		return cluster, err
	}
	if cluster.Kafka != nil {
		cluster.Kafka.ClusterID = p.ClusterID(a.stack)
	}
	return cluster, a.unlock(cluster.Machines)
}

// inventoryFrom reads what `ops inventory` printed. Paths in it are relative to
// the file. What it says and nobody understands is refused: it may be a typing
// error in the way a machine is reached.
func inventoryFrom(file string) (inventory.Cluster, error) {
	var c inventory.Cluster
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no file %s; write one where the stack is known: bin/ops inventory > %[1]s", file)
	}
	if err != nil {
		return c, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	err = d.Decode(&c)
	var noJSON *json.SyntaxError
	switch {
	case errors.As(err, &noJSON):
		return c, fmt.Errorf("%s is not JSON: expected what bin/ops inventory prints; a stack's config is named by --stack (%w)", file, err)
	case err != nil:
		return c, fmt.Errorf("%s is no inventory as bin/ops inventory prints one: %w", file, err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return c, err
	}
	c.Rebase(dir)
	return c, nil
}

// runLogs are where runs on this cluster are logged, and the name that they
// have it by: beside the inventory file where there is no project.
func (a *app) runLogs() (runlog.Dir, string, error) {
	if a.inventory == "" {
		p, err := a.project()
		return p.Runs(a.stack), a.stack, err
	}
	c, err := inventoryFrom(a.inventory)
	if err != nil {
		return "", "", usageError{err}
	}
	if err := drive.CheckName(c.Name); err != nil { // it becomes a directory's
		return "", "", usageError{fmt.Errorf("%s: %w", a.inventory, err)}
	}
	return runlog.In(filepath.Dir(a.inventory), c.Name), c.Name, nil
}
