package producer

import "testing"

func BenchmarkGenerator(b *testing.B) {
	for _, c := range []struct {
		name string
		zipf float64
	}{{"uniform", 0}, {"zipf", 1.1}} {
		b.Run(c.name, func(b *testing.B) {
			shape := Article()
			shape.Zipf, shape.Pages = c.zipf, 100_000
			g := NewGenerator(shape, 7)
			var text []byte
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				text = g.Next().AppendText(text[:0])
			}
		})
	}
}

func TestAMessageIsDrawnWithoutAnAllocation(t *testing.T) {
	shape := Article()
	shape.Zipf, shape.Bad, shape.Late = 1.1, 0.1, 0.1
	g, text := NewGenerator(shape, 7), make([]byte, 0, 100)
	if n := testing.AllocsPerRun(10_000, func() { text = g.Next().AppendText(text[:0]) }); n != 0 {
		t.Errorf("a message takes %v allocations, want 0", n)
	}
}
