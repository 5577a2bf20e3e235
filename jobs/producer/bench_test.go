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
