package producer

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// conclude writes manifest and report.
func (p *session) conclude(took time.Duration, stdout io.Writer) error {
	s := p.settings
	r := Report{
		Format: 1, Run: s.Run, Topic: s.Topic, Throughput: s.Throughput.String(), ResentBatches: resent(p.writers),
	}
	r.fill(p.score, took)
	if s.Throughput.Mode != Rounds && !s.Quiet {
		fmt.Fprintln(stdout, r)
	}
	var errs []error
	if s.Report != "" {
		errs = append(errs, writeJSON(s.Report, r))
	}
	if s.Manifest != "" {
		errs = append(errs, p.writeManifest())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write down what was acknowledged: %w", err)
	}
	return nil
}

func (p *session) writeManifest() error {
	s := p.settings
	m := Manifest{
		Format: 1, Run: s.Run, Topic: s.Topic, TopicID: p.topic.ID, ClusterID: p.topic.ClusterID, Seed: s.Seed, Shape: s.Shape,
	}
	var unknown []int64
	for _, w := range p.writers {
		unknown = append(unknown, w.Handed()-w.Acknowledged())
	}
	if err := m.fill(p.score, unknown); err != nil {
		return err
	}
	return writeJSON(s.Manifest, m)
}
