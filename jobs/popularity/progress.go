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
type Progress struct{ pages, expected atomic.Int64 }

func (p *Progress) expect(pages int64) { p.expected.Add(pages) }

func (p *Progress) step() { p.pages.Add(1) }

// String is how far it got, such as "restoring: 450000 of 1000000 pages, 45%".
func (p *Progress) String() string {
	pages, expected := p.pages.Load(), p.expected.Load()
	if expected == 0 {
		return "starting"
	}
	return fmt.Sprintf("restoring: %d of %d pages, %d%%", pages, expected, 100*pages/expected)
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
