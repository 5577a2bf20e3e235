package drive

import "testing"

func TestAClusterIDIsKeptAndGoesWithTheStack(t *testing.T) {
	p := Project{Root: t.TempDir()}
	if got := p.ClusterID("lab"); got != "" {
		t.Errorf("of a stack that nobody saw: got %q", got)
	}
	for _, id := range []string{"first", "second"} {
		if err := p.KeepClusterID("lab", id); err != nil {
			t.Fatal(err)
		}
		if got := p.ClusterID("lab"); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
	if err := p.ClearStackDir("lab"); err != nil {
		t.Fatal(err)
	}
	if got := p.ClusterID("lab"); got != "" {
		t.Errorf("of a stack that is gone: got %q", got)
	}
}
