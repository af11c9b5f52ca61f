package station

import (
	"testing"
)

// TestAPowerFailureMakesAllDurable, once: a pin that bounces writes nothing
// more.
func TestAPowerFailureMakesAllDurable(t *testing.T) {
	st, _, _ := newStickStation(t, "")
	for range 5 {
		if _, err := st.store().Append([]byte("a record")); err != nil {
			t.Fatal(err)
		}
	}
	st.powerFails()
	s := st.store().Stats()
	if s.Waiting != 0 {
		t.Errorf("%d records are not durable", s.Waiting)
	}
	for range 100 {
		st.powerFails()
	}
	if again := st.store().Stats(); again.Commits != s.Commits {
		t.Errorf("%d commits of nothing", again.Commits-s.Commits)
	}
}
