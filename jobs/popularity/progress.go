package popularity

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Progress is how much of a state is loaded. Its zero value is ready to use, from
// any goroutine.
type Progress struct{ pages, expected, buckets atomic.Int64 }

func (p *Progress) expect(pages int64) { p.expected.Add(pages) }

func (p *Progress) page() { p.pages.Add(1) }

func (p *Progress) bucket() { p.buckets.Add(1) }

// String is how far it got, such as "restoring: 450000 of 1000000 pages, 45%, and
// 120000 sums of minutes and hours". How many of those there are is not known before.
func (p *Progress) String() string {
	pages, expected, buckets := p.pages.Load(), p.expected.Load(), p.buckets.Load()
	if expected == 0 {
		return "starting"
	}
	text := fmt.Sprintf("restoring: %d of %d pages, %d%%", pages, expected, 100*pages/expected)
	if buckets > 0 {
		text += fmt.Sprintf(", and %d sums of minutes and hours", buckets)
	}
	return text
}

// progressInterval is how often a long restore is reported.
const progressInterval = time.Second

// report logs progress until ctx ends. What takes less than an interval is not
// worth a line.
func (p *Progress) report(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			log.Info(p.String())
		}
	}
}
