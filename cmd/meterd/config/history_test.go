package config

import (
	"strings"
	"testing"
)

// A point that a history names twice, once with its family, is made up once.
func TestAPointThatIsNamedTwiceIsMadeUpOnce(t *testing.T) {
	text := strings.Replace(everyKind, `of = "load"
points = ["voltage"]`, `of = "load"
points = ["voltage", "voltage.a"]`, 1)
	c, _ := Parse("x.toml", text)
	if len(c.Meters) != 1 || len(c.Meters[0].History) != 1 || len(c.Meters[0].History[0].Points) != 3 {
		t.Errorf("%d meters, %+v", len(c.Meters), c.Meters)
	}
}
