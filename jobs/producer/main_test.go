package producer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/program"
)

func TestMainRefusesBadUsageWithExitCode2(t *testing.T) {
	for _, c := range []struct {
		name, args, want string
	}{
		{"an unknown flag", "--nope", "-nope"},
		{"a server without a port", "--bootstrap-server here", "host:port"},
		{"acknowledgements that do not exist", "--acks 2", "all, 1 or 0"},
		{"a codec that does not exist", "--compression-type rar", "gzip, snappy, lz4 or zstd"},
		{"a throughput that cannot be", "--throughput fast", `--throughput "fast": "fast" is not a rate`},
		{"no pages", "--pages 0", "--pages 0: want 1 to"},
		{"too many pages for Zipf's law", "--pages 20000000 --zipf 1", "at most 10000000 with --zipf"},
		{"no clicks", "--max-clicks 0", "--max-clicks 0: want 1 to"},
		{"no messages", "--max-messages 0", "--max-messages 0: want 1 to"},
		{"a stay too long for its digits", "--max-stay 2000000", "--max-stay 2000000: want 1 to"},
		{"a share above 1", "--bad 2", "shares from 0 to 1"},
		{"a negative interval", "--interval -1s", "want 0 or more"},
		{"a bound below a second", "--delivery-timeout 1ms", "--delivery-timeout"},
		{"a run that is not idempotent", "--run-id a --acks 1", "--run-id: needs --acks all"},
		{"a run whose name is no word", "--run-id a/b", "letters, digits"},
		{"a batch above what brokers take", "--batch-size 2000000", "want 1024 to 1000000"},
		{"buffers below a batch", "--buffer-memory 1000", "at least --batch-size"},
		{"no topic", "--topic=", "--topic"},
		{"an argument", "topic", "unexpected argument"},
		{"a setting that is not known", "--producer-props retries=3", "retries is not known here; known are acks,"},
		{"a setting that is wrong", "--producer-props linger.ms=soon", "linger.ms:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, problems bytes.Buffer
			code := Main(t.Context(), strings.Fields(c.args), &out, &problems)
			if code != 2 || !strings.Contains(problems.String(), c.want) {
				t.Errorf("%s: exit %d, stderr %q; want 2 and %q", c.args, code, &problems, c.want)
			}
		})
	}
}

// parse reads a command line.
func parse(t *testing.T, args string) Settings {
	t.Helper()
	var s Settings
	var problems bytes.Buffer
	flags := program.NewFlags("weir-producer", &problems)
	check := s.flags(flags)
	if code, done := flags.Read(joinProps(strings.Fields(args)), &problems, check); done {
		t.Fatalf("%s: exit code %d\n%s", args, code, &problems)
	}
	return s
}

func TestACommandLineOfKafkasToolIsUnderstood(t *testing.T) {
	s := parse(t, "--topic t --num-records 5000 --throughput -1 --producer-props bootstrap.servers=a:1,b:2 acks=all linger.ms=7 "+
		"batch.size=16384 compression.type=lz4 enable.idempotence=true buffer.memory=1000000 delivery.timeout.ms=9000 --quiet")
	if s.Records != 5000 || s.Throughput.Mode != Unlimited || len(s.Brokers) != 2 || s.Acks != sarama.WaitForAll || !s.Idempotent ||
		s.Linger != 7*time.Millisecond || s.BatchSize != 16384 || s.Codec != sarama.CompressionLZ4 ||
		s.BufferMemory != 1_000_000 || s.Bound != 9*time.Second || !s.Quiet {
		t.Errorf("read %+v", s)
	}
}

func TestSettingsOfKafkasProducerMayBeOneArgumentOrSeveral(t *testing.T) {
	for _, args := range []string{
		"--producer-props acks=1 linger.ms=7", "-producer-props=acks=1 linger.ms=7", "--producer-props acks=1 --producer-props linger.ms=7",
	} {
		if s := parse(t, args); s.Acks != sarama.WaitForLocal || s.Linger != 7*time.Millisecond {
			t.Errorf("%s: read acks %d, linger %s", args, s.Acks, s.Linger)
		}
	}
}

func TestSettingsOfKafkasProducerMayBeInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "producer.properties")
	if err := os.WriteFile(path, []byte("# ours\n\nacks = 1\nlinger.ms=7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := parse(t, "--producer.config "+path+" --producer-props linger.ms=8"); s.Acks != sarama.WaitForLocal || s.Linger != 8*time.Millisecond {
		t.Errorf("read acks %d, linger %s", s.Acks, s.Linger)
	}
	if err := os.WriteFile(path, []byte("security.protocol=SSL\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	code := Main(t.Context(), []string{"--producer.config", path}, &out, &problems)
	if code != 2 || !strings.Contains(problems.String(), "security.protocol is not known here") || !strings.Contains(problems.String(), path) {
		t.Errorf("a setting that is not known: exit %d, %q; want 2, its name and that of the file", code, &problems)
	}
}

func TestOnlyWhatAllReplicasAcknowledgeIsIdempotent(t *testing.T) {
	for args, want := range map[string]bool{"": true, "--acks 1": false, "--acks 0": false, "--idempotence=false": false} {
		if s := parse(t, args); s.Idempotent != want {
			t.Errorf("%q: idempotent is %v, want %v", args, s.Idempotent, want)
		}
	}
}

func TestASeedIsDrawnAndThatOfARunFollowsFromItsName(t *testing.T) {
	a, b := parse(t, ""), parse(t, "")
	if a.Seed == 0 || a.Seed == b.Seed {
		t.Errorf("drew %d, then %d", a.Seed, b.Seed)
	}
	a, b = parse(t, "--run-id x"), parse(t, "--run-id x")
	if other := parse(t, "--run-id y"); a.Seed == 0 || a.Seed != b.Seed || a.Seed == other.Seed {
		t.Errorf("run x has %d and %d, run y %d", a.Seed, b.Seed, other.Seed)
	}
}

func TestMainTellsItsVersion(t *testing.T) {
	var out, problems bytes.Buffer
	if code := Main(t.Context(), []string{"--version"}, &out, &problems); code != 0 || !strings.HasPrefix(out.String(), "weir-producer ") {
		t.Errorf("exit %d, %q", code, &out)
	}
}
